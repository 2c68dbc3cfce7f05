package thoonktest

import (
	"testing"
	"time"
)

// bound is how long a test waits for something that happens asynchronously.
const bound = 30 * time.Second

// Eventually waits until cond is true, and fails the test after 30 s, naming what did not happen. It looks often at
// first, so that a test is as fast as what it waits for.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(bound)
	for pause := time.Millisecond; !cond(); pause = min(2*pause, 50*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", bound, what)
		}
		time.Sleep(pause)
	}
}

// Next returns the next value from c, and fails the test if c is closed or gives none within 30 s.
func Next[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	timeout := time.NewTimer(bound)
	defer timeout.Stop()
	select {
	case v, ok := <-c:
		if !ok {
			t.Fatal("the channel was closed")
		}
		return v
	case <-timeout.C:
		t.Fatalf("nothing came within %v", bound)
	}
	panic("unreachable")
}
