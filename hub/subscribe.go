package hub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// subscribe takes a request to subscribe or unsubscribe. It is durable before it is answered; the callback is asked
// after, unless the subscriber wants to wait for that.
func (h *Hub) subscribe(ctx context.Context, who auth.Principal, form url.Values) (int, error) {
	r, err := parseSubscribe(form)
	if err != nil {
		return 0, err
	}
	if err := h.o.Sender.CheckURL(ctx, r.callback); err != nil {
		return 0, err
	}
	sub, err := h.wanted(r, who)
	if err != nil {
		return 0, err
	}
	if err := h.checkOwner(ctx, sub); err != nil {
		return 0, err
	}
	intent := newIntent(r.mode, sub, h.lease(r.lease))
	if r.wantsSync() {
		err := h.askNow(ctx, intent)
		if thoonk.KindOf(err) != thoonk.Unavailable || !slices.Contains(r.verify, "async") {
			return http.StatusNoContent, err
		}
	}
	if err := h.o.Store.PutHubIntent(ctx, intent); err != nil {
		return 0, err
	}
	h.poke()
	return http.StatusAccepted, nil
}

// wanted is the subscription as it would be. A topic that is none of ours is found out later: then the callback is told.
func (h *Hub) wanted(r subscribeRequest, who auth.Principal) (thoonk.HubSubscription, error) {
	holder, err := json.Marshal(who.Standing())
	if err != nil {
		return thoonk.HubSubscription{}, err
	}
	sub := thoonk.HubSubscription{
		Topic: r.topic, Callback: r.callback, Secret: r.secret, Algorithm: r.algorithm,
		Principal: who.Name, Holder: holder, Token: r.token, Legacy: len(r.verify) > 0,
	}
	canonical := r.topic
	if t, err := h.topicOf(r.topic); err == nil {
		sub.Feed, sub.Match, sub.Format = t.Feed, t.Match, string(t.Format)
		if !h.foreign(r.topic) {
			canonical = h.o.Addresses.URL(t)
		}
	}
	sub.ID = digestID(canonical, r.callback)
	return sub, nil
}

// checkOwner refuses what only another principal may do.
func (h *Hub) checkOwner(ctx context.Context, sub thoonk.HubSubscription) error {
	there, _, err := h.o.Store.HubSubscription(ctx, sub.ID)
	switch {
	case thoonk.KindOf(err) == thoonk.NotFound:
		return nil
	case err != nil:
		return err
	case there.Principal != sub.Principal:
		return thoonk.E(thoonk.Forbidden, "the subscription of this callback to this topic is another principal's")
	}
	return nil
}

// lease is what a subscriber gets who asks for so much.
func (h *Hub) lease(asked time.Duration) time.Duration {
	if asked == 0 {
		return h.o.Settings.LeaseDefault
	}
	return min(asked, h.o.Settings.LeaseMax)
}

func newIntent(mode thoonk.HubMode, sub thoonk.HubSubscription, lease time.Duration) thoonk.HubIntent {
	kind := "" // a denial is no request: it takes no request's place
	if mode == thoonk.HubDenied {
		kind = "denied"
	}
	return thoonk.HubIntent{
		ID:   "?" + digestID(sub.ID, sub.Principal, kind),
		Mode: mode, Nonce: rand.Text(), Lease: lease, Subscription: sub,
	}
}

// digestID names a pair, or more, of texts.
func digestID(parts ...string) string {
	d := sha256.New()
	for _, p := range parts {
		part := sha256.Sum256([]byte(p))
		d.Write(part[:])
	}
	return base64.RawURLEncoding.EncodeToString(d.Sum(nil)[:12])
}
