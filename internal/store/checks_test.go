package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func jsonBody(kind thoonk.EventKind, id, body string) thoonk.Operation {
	return thoonk.Operation{Kind: kind, ID: thoonk.ItemID(id), Form: thoonk.FormBody, Body: []byte(body)}
}

// Each way to write a body holds it to the schema, and stamps it.
func TestSchemaAndStamps(t *testing.T) {
	onBoth(t, func(f *fixture) {
		const actor = "jwt:https://id.test|bob"
		f.feed("a", thoonk.Config{Schema: `{"required":["n","userId"],"properties":{"n":{"type":"integer"}}}`, Stamp: map[string]string{"userId": "sub"}})
		f.wantBody("a", "x", func() error {
			_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "a", ID: "x", Form: thoonk.FormBody, Body: []byte(`{"userId":"eve","n":1}`), Actor: actor})
			return err
		}, `{"n":1,"userId":"bob"}`)
		f.wantBody("a", "y", func() error {
			_, err := f.Batch(f.ctx, thoonk.Batch{Feed: "a", Actor: actor, Operations: []thoonk.Operation{
				jsonBody(thoonk.Publish, "y", `{"n":2}`), jsonBody(thoonk.Edit, "x", `{"n":3}`), jsonBody(thoonk.Edit, "y", `{"n":4}`),
			}})
			return err
		}, `{"n":4,"userId":"bob"}`)

		before := f.dump()
		_, err := f.Batch(f.ctx, thoonk.Batch{Feed: "a", Actor: actor, Operations: []thoonk.Operation{
			jsonBody(thoonk.Publish, "z", `{"n":2}`), jsonBody(thoonk.Edit, "x", `{"n":"three"}`),
		}})
		refused, ok := errors.AsType[*thoonk.BatchError](err)
		if !ok || refused.Index != 1 || refused.Reason.Kind != thoonk.Unprocessable || len(refused.Reason.Faults) != 1 || refused.Reason.Faults[0].Field != "/n" {
			t.Errorf("got %#v", err)
		}
		_, err = f.Publish(f.ctx, thoonk.PublishItem{Feed: "a", ID: "z", Form: thoonk.FormText, Body: []byte(`{"n":1}`), Actor: actor})
		f.fails(err, thoonk.Unprocessable)
		if after := f.dump(); fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("something was written:\n%v\n%v", before, after)
		}
	})
}

// Whatever a process remembers of a feed, what holds is what the feed declares when it is written: also if another
// process, or another client, has declared it since.
func TestSchemaThatChanges(t *testing.T) {
	onBoth(t, func(f *fixture) {
		publish := func(body string) error {
			_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "a", ID: "x", Form: thoonk.FormBody, Body: []byte(body), Actor: "jwt:|me"})
			return err
		}
		declare := func(field, value string) {
			f.ok(f.redis.HSet(f.ctx, "feed.config:a", field, value).Err())
		}
		f.feed("a", thoonk.Config{})
		f.ok(publish(`1`))
		declare("schema", `{"type":"string"}`)
		f.fails(publish(`1`), thoonk.Unprocessable)
		f.ok(publish(`"1"`))
		declare("schema", `{"type":"integer"}`)
		f.ok(publish(`1`)) // which what is remembered would refuse
		f.fails(publish(`"1"`), thoonk.Unprocessable)
		f.ok(f.redis.HDel(f.ctx, "feed.config:a", "schema").Err())
		f.ok(publish(`"1"`))
		f.ok(publish(`{}`))
		declare("stamp", `{"by":"sub"}`)
		f.wantBody("a", "x", func() error { return publish(`{}`) }, `{"by":"me"}`)
		declare("schema", `{"type":`)
		f.fails(publish(`{}`), thoonk.Conflict)
		f.ok(f.redis.HDel(f.ctx, "feed.config:a", "schema", "stamp").Err())
		f.wantBody("a", "x", func() error { return publish(`{}`) }, `{}`)
	})
}

func TestSchemaIsDeclared(t *testing.T) {
	onBoth(t, func(f *fixture) {
		cfg := thoonk.Config{Schema: ` {"type": "object"} `, Stamp: map[string]string{"a": "sub", "b": "principal"}, Content: thoonk.JSON}
		f.feed("a", cfg)
		got, err := f.Feed(f.ctx, "a")
		f.ok(err)
		if got.Config.Schema != cfg.Schema || len(got.Config.Stamp) != 2 || got.Config.Stamp["b"] != "principal" || got.Config.Extra != nil {
			t.Errorf("got %+v", got.Config)
		}
		for field, bad := range map[string]thoonk.Config{
			"schema":  {Schema: `{"type": 5}`},
			"stamp":   {Stamp: map[string]string{"a": "me"}},
			"content": {Schema: `{}`, Content: thoonk.XML},
		} {
			_, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "bad", Config: bad})
			e, ok := errors.AsType[*thoonk.Error](err)
			if !ok || e.Kind != thoonk.Unprocessable || e.Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		_, err = f.Feed(f.ctx, "bad")
		f.fails(err, thoonk.NotFound)
	})
}

// wantBody wants an item to have a body after a write.
func (f *fixture) wantBody(feed thoonk.FeedName, id thoonk.ItemID, write func() error, want string) {
	f.Helper()
	f.ok(write())
	item, _, err := f.Item(f.ctx, feed, id)
	f.ok(err)
	if string(item.Body) != want {
		f.Errorf("%s is %s, want %s", id, item.Body, want)
	}
}

// A write may be bound to the declaration that its caller went by. Whoever declares the feed anew meanwhile, nothing is written.
func TestDeclaredPrecondition(t *testing.T) {
	onBoth(t, func(f *fixture) {
		first := f.feed("n", thoonk.Config{})
		queue := f.feed("q", thoonk.Config{Type: thoonk.TypeJob})
		write := func(declared thoonk.Revision) error {
			_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "n", Declared: declared, Form: thoonk.FormText, Body: []byte("x")})
			return err
		}
		submit := func(declared thoonk.Revision) error {
			_, err := f.SubmitJobs(f.ctx, thoonk.SubmitJobs{Queue: "q", Declared: declared, Jobs: []thoonk.NewJob{{Form: thoonk.FormText, Payload: []byte("x")}}})
			return err
		}
		f.ok(write(first.Revision))
		f.ok(write(first.Revision)) // another item does not change the declaration
		f.ok(submit(queue.Revision))
		f.fails(submit(first.Revision), thoonk.Stale)
		second := f.feed("n", thoonk.Config{MaxLength: 9})
		f.fails(write(first.Revision), thoonk.Stale)
		f.ok(write(second.Revision))
		f.ok(f.redis.HSet(f.ctx, "feed.config:n", "max_length", 8).Err())
		f.fails(write(second.Revision), thoonk.Stale) // before anybody has adopted that
		third, err := f.Feed(f.ctx, "n")
		f.ok(err)
		f.ok(write(third.Revision))
		f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "n"}))
		f.fails(write(third.Revision), thoonk.NotFound)
		f.feed("n", thoonk.Config{MaxLength: 8})
		f.fails(write(third.Revision), thoonk.Stale)
		page, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: "n", Limit: 10})
		f.ok(err)
		if page.Total != 0 {
			f.Errorf("%d items", page.Total)
		}
	})
}
