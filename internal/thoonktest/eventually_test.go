package thoonktest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// failure is a test that records how it failed instead of failing.
type failure struct {
	testing.TB
	text string
}

type failed struct{}

func (f *failure) Helper() {}

func (f *failure) Fatal(args ...any) {
	f.text = fmt.Sprint(args...)
	panic(failed{})
}

func (f *failure) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }

// catch returns the text with which the test that it hands to f fails, and "" if it does not.
func catch(f func(t testing.TB)) (text string) {
	var t failure
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(failed); !ok {
				panic(r)
			}
			text = t.text
		}
	}()
	f(&t)
	return ""
}

func TestEventually(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		thoonktest.Eventually(t, "nine seconds have passed", func() bool { return time.Since(start) > 9*time.Second })

		text := catch(func(t testing.TB) {
			thoonktest.Eventually(t, "pigs fly", func() bool { return false })
		})
		if !strings.Contains(text, "pigs fly") {
			t.Errorf("it failed with %q", text)
		}
	})
}

func TestNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := make(chan int)
		go func() { c <- 7 }()
		if v := thoonktest.Next(t, c); v != 7 {
			t.Errorf("got %d", v)
		}
		if text := catch(func(t testing.TB) { thoonktest.Next(t, c) }); !strings.Contains(text, "30s") {
			t.Errorf("it failed with %q", text)
		}
		close(c)
		if text := catch(func(t testing.TB) { thoonktest.Next(t, c) }); !strings.Contains(text, "closed") {
			t.Errorf("it failed with %q", text)
		}
	})
}
