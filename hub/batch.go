package hub

import (
	"context"
	"crypto/sha256"
	"encoding/base64"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// batch is what comes next for a subscription.
type batch struct {
	messages []message
	to       thoonk.Revision // the cursor of who has got all of them
	whole    bool            // there was nothing more when it was read
}

// message is one POST.
type message struct {
	id    string // of the delivery: the same, whenever it is tried
	doc   Document
	to    thoonk.Revision // the cursor of who has got it
	reset bool            // what came between is not known any more: this is the whole document
}

// next returns what comes after the subscription's cursor. Errors: NotFound (the feed is not there), Unavailable.
func (t *task) next(ctx context.Context) (batch, error) {
	p, err := t.w.pages.get(ctx, pageKey{feed: t.sub.Feed, match: t.sub.Match, after: t.state.Cursor}, t.taken)
	if thoonk.KindOf(err) == thoonk.Gone {
		return t.anew(ctx)
	}
	if err != nil {
		return batch{}, err
	}
	b := batch{to: p.last, whole: p.whole}
	if len(p.events) == 0 {
		return b, nil
	}
	if t.topic.single() {
		b.messages, err = t.raw(ctx, p)
		return b, err
	}
	d, err := p.render(docKey{t.topic.Format, t.sub.Topic, 0}, func() (Document, error) {
		return t.w.o.Renderer.Changes(context.WithoutCancel(ctx), t.topic, t.sub.Topic, p.events)
	})
	if err != nil || len(d.Body) == 0 {
		return b, err
	}
	b.messages = []message{{id: t.deliveryID(p.told), doc: d, to: p.told}}
	return b, nil
}

// raw makes a message of each change that is one.
func (t *task) raw(ctx context.Context, p *page) ([]message, error) {
	var messages []message
	for i := range p.events {
		d, err := p.render(docKey{t.topic.Format, t.sub.Topic, i}, func() (Document, error) {
			return t.document(context.WithoutCancel(ctx), p.events[i])
		})
		if err != nil {
			return nil, err
		}
		if to := p.events[i].Revision; len(d.Body) > 0 || p.events[i].HasBody() {
			messages = append(messages, message{id: t.deliveryID(to), doc: d, to: to})
		}
	}
	return messages, nil
}

// document returns what a change is by itself.
func (t *task) document(ctx context.Context, e thoonk.Event) (Document, error) {
	switch {
	case t.topic.Format == originFormat && e.HasBody():
		return unpackOrigin(e.Body), nil
	case t.topic.Format == originFormat:
		return Document{}, nil
	case e.HasBody() && !e.Job:
		return Document{rawType(e.Content, e.Body), e.Body}, nil
	}
	return t.w.o.Renderer.Changes(ctx, t.topic, t.sub.Topic, []thoonk.Event{e})
}

// single reports whether each change of the topic is a delivery of its own.
func (t Topic) single() bool { return t.Format == Raw || t.Format == originFormat }

func (t *task) wholeDocument(ctx context.Context) (Document, error) {
	if t.topic.Format == originFormat {
		return t.w.wholeOrigin(ctx, t.sub.Topic)
	}
	return t.w.o.Renderer.Whole(ctx, t.topic, t.sub.Topic, everyFeed)
}

// everyFeed: who has a topic of several feeds may read all that it matches.
func everyFeed(thoonk.FeedName) bool { return true }

// anew returns the topic's whole document, and goes on from the moment before.
func (t *task) anew(ctx context.Context) (batch, error) {
	var head thoonk.Revision
	var err error
	if t.sub.Match != "" {
		head, err = t.w.o.Store.LogEnd(ctx)
	} else {
		head, err = t.w.o.Store.Head(ctx, t.sub.Feed)
	}
	if err != nil || head == t.state.Cursor {
		return batch{to: head, whole: true}, err
	}
	d, err := t.wholeDocument(ctx)
	if err != nil {
		return batch{}, err
	}
	b := batch{to: head}
	if len(d.Body) > 0 {
		b.messages = []message{{id: t.deliveryID(head), doc: d, to: head, reset: true}}
	}
	return b, nil
}

// deliveryID names what brings a subscription from its cursor to another one: whoever does it, and however often.
func (t *task) deliveryID(to thoonk.Revision) string {
	from := t.state.Cursor
	if t.topic.single() {
		from = thoonk.Revision{} // one item a delivery, which it is of
	}
	sum := sha256.Sum256([]byte(t.sub.ID + " " + from.String() + " " + to.String()))
	return "msg_" + base64.RawURLEncoding.EncodeToString(sum[:15])
}
