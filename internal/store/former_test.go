package store_test

import (
	"fmt"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// What an item was before it was retracted is in the history, however many changes there were since.
func TestFormer(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("f", thoonk.Config{})
		for _, body := range []string{"one", "two"} {
			_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "f", ID: "a", Form: thoonk.FormText, Body: []byte(body)})
			f.ok(err)
		}
		for i := range 120 {
			_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "f", ID: thoonk.ItemID(fmt.Sprint(i)), Form: thoonk.FormText, Body: []byte("x")})
			f.ok(err)
		}
		f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "f", ID: "a"}))
		head, err := f.Head(f.ctx, "f")
		f.ok(err)
		_, err = f.Publish(f.ctx, thoonk.PublishItem{Feed: "f", ID: "a", Form: thoonk.FormText, Body: []byte("three")})
		f.ok(err)
		body, err := f.Former(f.ctx, "f", "a", head)
		f.ok(err)
		if string(body) != "two" {
			t.Errorf("it was %q", body)
		}
		for _, id := range []thoonk.ItemID{"never", "b"} {
			if body, err := f.Former(f.ctx, "f", id, head); err != nil || body != nil {
				t.Errorf("%s was %q, %v", id, body, err)
			}
		}
		if body, err := f.Former(f.ctx, "none", "a", head); err != nil || body != nil {
			t.Errorf("it was %q, %v", body, err)
		}
	})
}
