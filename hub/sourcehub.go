package hub

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	askLease = 10 * 24 * time.Hour // that we ask for
	// A hub that has not verified by then is asked again, later each time.
	verifyPatience = 2 * time.Minute
	askAgainMost   = 24 * time.Hour
)

// callbackPath is what stands before the secret part of our address for a hub.
const callbackPath = "/callback/"

func (a Addresses) callback(secret string) string { return a.Base() + callbackPath + secret }

// hub decides whether the source's hub is to be asked: one that was not asked yet, that has not verified, or whose lease
// is about to end. The secret part of our address and the secret that signs are the same for all of one subscription's life.
func (l *look) hub(got answered) {
	h := &l.state.Hub
	if got.hub != "" && got.self != "" && !l.source.NoHub && (got.hub != h.URL || got.self != h.Topic) {
		*h = thoonk.SourceHub{URL: got.hub, Topic: got.self, Callback: rand.Text(), Secret: rand.Text()}
	}
	if l.source.NoHub || got.feedWithoutHub() {
		if h.URL != "" {
			*h = thoonk.SourceHub{}
		}
		return
	}
	if h.URL == "" || l.now.Before(h.Renew) {
		return
	}
	if h.Status == thoonk.SourceHubAsked || !l.now.Before(h.Expires) && h.Status == thoonk.SourceHubVerified {
		h.Failures++
	}
	if h.Status == thoonk.SourceHubAsked && h.Failures > 0 && h.Reason == "" {
		h.Reason = "the hub did not verify"
	}
	if !h.Works(l.now) {
		h.Status = thoonk.SourceHubAsked
	}
	h.Asked = l.now.UTC()
	h.Renew = l.now.Add(min(verifyPatience<<min(h.Failures, 20), askAgainMost)).UTC()
	l.ask = true
}

// feedWithoutHub reports whether a document came that names no hub.
func (got answered) feedWithoutHub() bool { return !got.same && got.hub == "" && got.digest != "" }

// subscribe asks the hub (WebSub section 5.1; hub.verify is for hubs of PubSubHubbub 0.3).
func (g *Ingest) subscribe(ctx context.Context, source thoonk.Source, h thoonk.SourceHub) error {
	form := url.Values{
		"hub.mode": {"subscribe"}, "hub.callback": {g.o.Addresses.callback(h.Callback)}, "hub.topic": {h.Topic}, "hub.secret": {h.Secret},
		"hub.lease_seconds": {strconv.Itoa(int(askLease / time.Second))}, "hub.verify": {"async"},
	}
	resp, err := g.post(ctx, h.URL, form)
	if err == nil && resp.Status/100 == 2 {
		return nil // what matters is that it asks back
	}
	reason := ""
	if err != nil {
		reason = public(err)
	} else {
		reason = "the hub answered " + strconv.Itoa(resp.Status) + " " + excerpt(resp.Body)
	}
	return g.alone(ctx, source.Name, func(ctx context.Context, l *look) error {
		now := &l.state.Hub
		if now.Callback != h.Callback || now.Works(l.now) {
			return nil
		}
		now.Status, now.Reason = thoonk.SourceHubFailed, reason
		now.Failures++
		now.Renew = l.now.Add(min(verifyPatience<<min(now.Failures, 20), askAgainMost)).UTC()
		return l.save(ctx)
	})
}

// Unsubscribe tells the hub of a source that is no more that nothing more is wanted. If that fails the hub finds out by
// itself: our callback is gone.
func (g *Ingest) Unsubscribe(ctx context.Context, state thoonk.SourceState) {
	h := state.Hub
	if h.Callback == "" || h.Status == thoonk.SourceHubNone {
		return
	}
	_, err := g.post(ctx, h.URL, url.Values{
		"hub.mode": {"unsubscribe"}, "hub.callback": {g.o.Addresses.callback(h.Callback)}, "hub.topic": {h.Topic}, "hub.verify": {"async"},
	})
	if err != nil {
		g.o.Log.InfoContext(ctx, "unsubscribe", "error", err)
	}
}

func (g *Ingest) post(ctx context.Context, hub string, form url.Values) (*outbound.Response, error) {
	return g.o.Dialler.Do(ctx, outbound.Request{
		Purpose: "subscribe", Method: http.MethodPost, URL: hub, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body: []byte(form.Encode()), Follow: 3, MaxBody: 64 << 10, Timeout: 30 * time.Second,
	})
}

// excerpt is the beginning of a hub's reason.
func excerpt(body []byte) string {
	text := strings.ToValidUTF8(string(body[:min(len(body), 200)]), "")
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7F }), " ")
}

// alone does something with a source while no other process works it, and waits for that if it has to.
func (g *Ingest) alone(ctx context.Context, name thoonk.FeedName, do func(context.Context, *look) error) error {
	for {
		held, err := g.o.Store.HoldSource(ctx, name, func(ctx context.Context, fence thoonk.Fence) error {
			source, state, err := g.o.Store.Source(ctx, name)
			if err != nil {
				return err
			}
			return do(ctx, &look{g: g, fence: fence, source: source, state: state, now: time.Now()})
		})
		if err != nil || held {
			return err
		}
		if pause(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return thoonk.E(thoonk.Unavailable, "the source is being worked").Because(ctx.Err())
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
