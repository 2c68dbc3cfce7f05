package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxChallenge bounds an answer: it need not be longer than the challenge.
const maxChallenge = 4 << 10

// finding is what asking a callback came to.
type finding int

const (
	confirmed finding = iota
	refused           // the callback answered otherwise
	silent            // it did not answer, or could not
)

// ask asks the callback of a request that was accepted, or tells it of a denial, and then does what was asked for.
func (w *worker) ask(ctx context.Context, i thoonk.HubIntent) {
	found, err := w.settle(ctx, i)
	if ctx.Err() != nil {
		return // it is given back
	}
	_, origin := errors.AsType[originError](err)
	switch {
	case thoonk.KindOf(err) == thoonk.Unavailable && !origin: // it is we who cannot
		err = w.o.Store.RetryHubIntent(ctx, w.fence, i, time.Now().Add(jittered(time.Second)))
	case found == silent && i.Tries < len(w.o.Settings.AskRetries):
		wait := jittered(w.o.Settings.AskRetries[i.Tries])
		i.Tries++
		err = w.o.Store.RetryHubIntent(ctx, w.fence, i, time.Now().Add(wait))
	default:
		if err != nil {
			w.o.Logger.InfoContext(ctx, "hub: a request came to nothing", "callback", i.Subscription.Callback, "topic", i.Subscription.Topic, "error", err)
		}
		err = w.o.Store.EndHubIntent(ctx, w.fence, i)
	}
	if err != nil {
		w.o.Logger.DebugContext(ctx, "hub: a request could not be settled", "error", err)
	}
	w.poke()
}

// settle asks and does it. Errors of the kind Unavailable may be tried again; any other is the end of the request.
func (w *worker) settle(ctx context.Context, i thoonk.HubIntent) (finding, error) {
	if err := w.examine(ctx, &i); err != nil {
		return silent, err
	}
	if i.Mode == thoonk.HubDenied {
		return w.tell(ctx, i), nil
	}
	began := time.Now()
	found := w.verify(ctx, i)
	if found != confirmed {
		return found, nil
	}
	return found, w.apply(ctx, i, i, began)
}

// examine looks whether the topic may be had (WebSub section 5.2). If not, it turns the request into a denial.
func (h *Hub) examine(ctx context.Context, i *thoonk.HubIntent) error {
	if i.Mode != thoonk.HubSubscribe {
		return nil // an unsubscription is not for the publisher to validate
	}
	reason, err := h.objection(ctx, i)
	if reason != "" {
		i.Mode, i.Reason = thoonk.HubDenied, reason
	}
	return err
}

// objection says why a subscription cannot be had, or nothing, and bounds its lease.
func (h *Hub) objection(ctx context.Context, i *thoonk.HubIntent) (string, error) {
	const unknown = "there is no such topic, or no right to read it"
	s := i.Subscription
	if s.Feed == "" && s.Match == "" {
		return unknown, nil
	}
	if h.foreign(s.Topic) {
		return h.originObjection(ctx, i)
	}
	who, err := h.recall(s)
	if err != nil || !mayHave(who, Topic{Feed: s.Feed, Match: s.Match}) {
		return unknown, nil //nolint:nilerr // rights that cannot be read are none
	}
	if !who.Expires.IsZero() {
		i.Lease = min(i.Lease, time.Until(who.Expires).Truncate(time.Second))
	}
	if i.Lease < time.Second {
		return "the token that it was asked for with ends", nil
	}
	if s.Match != "" {
		return "", nil
	}
	_, err = h.o.Store.Feed(ctx, s.Feed)
	if thoonk.KindOf(err) == thoonk.NotFound {
		return unknown, nil
	}
	return "", err
}

// verify asks the callback whether it wants that (WebSub section 5.3).
func (h *Hub) verify(ctx context.Context, i thoonk.HubIntent) finding {
	began, challenge := time.Now(), rand.Text()
	answer, err := h.get(ctx, "verification", i, maxChallenge, [][2]string{
		{"hub.challenge", challenge},
		{"hub.lease_seconds", leaseSeconds(i)},
		{"hub.verify_token", i.Subscription.Token},
	})
	if err == nil && answer.Status/100 == 2 && string(answer.Body) == challenge {
		h.o.Observe("confirmed", time.Since(began))
		return confirmed
	}
	h.o.Observe("unconfirmed", time.Since(began))
	switch {
	case outbound.ReasonOf(err) == outbound.TooLarge:
		return refused
	case err != nil:
		return silent
	case answer.Status/100 == 5 || answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusRequestTimeout:
		return silent
	}
	return refused
}

func leaseSeconds(i thoonk.HubIntent) string {
	if i.Mode != thoonk.HubSubscribe {
		return ""
	}
	return strconv.FormatInt(int64(max(i.Lease, time.Second)/time.Second), 10)
}

// tell says that a subscription is denied, or over. What the callback answers does not matter.
func (h *Hub) tell(ctx context.Context, i thoonk.HubIntent) finding {
	if _, err := h.get(ctx, "denial", i, outbound.NoBody, [][2]string{{"hub.reason", i.Reason}}); err != nil {
		return silent
	}
	return confirmed
}

func (h *Hub) get(ctx context.Context, purpose string, i thoonk.HubIntent, maxBody int64, more [][2]string) (*outbound.Response, error) {
	return h.o.Sender.Do(ctx, outbound.Request{
		Purpose: purpose, URL: questioned(i.Subscription.Callback, string(i.Mode), i.Subscription.Topic, more),
		Timeout: h.o.Settings.Timeout, MaxBody: maxBody,
	})
}

// questioned is the callback with our parameters behind its own, which stay as they are (WebSub section 5.1.1).
func questioned(callback, mode, topic string, more [][2]string) string {
	var b strings.Builder
	b.WriteString(callback)
	glue := "?"
	if strings.Contains(callback, "?") {
		glue = "&"
	}
	for _, p := range append([][2]string{{"hub.mode", mode}, {"hub.topic", topic}}, more...) {
		if p[1] != "" {
			b.WriteString(glue + p[0] + "=" + url.QueryEscape(p[1]))
			glue = "&"
		}
	}
	return b.String()
}

// apply does what the callback confirmed, if the request as it is kept is still the latest of its kind; one that is not
// kept need not be. The lease counts from when the callback was asked.
func (h *Hub) apply(ctx context.Context, i, kept thoonk.HubIntent, asked time.Time) error {
	s := i.Subscription
	if i.Mode == thoonk.HubUnsubscribe {
		err := h.o.Store.RemoveHubSubscription(ctx, s, s.Principal, kept)
		if thoonk.KindOf(err) == thoonk.NotFound {
			return nil
		}
		return err
	}
	s.Created, s.Expires = asked.UTC(), asked.UTC().Add(i.Lease)
	var refresh time.Time
	if s.Legacy {
		refresh = s.Expires.Add(-min(i.Lease/4, day))
	}
	_, err := h.o.Store.PutHubSubscription(ctx, s, refresh, kept)
	h.poke()
	return err
}

// askNow asks while the subscriber waits (hub.verify=sync). Errors: Unavailable if there was no room or no time for it,
// Forbidden, Conflict.
func (h *Hub) askNow(ctx context.Context, i thoonk.HubIntent) error {
	select {
	case h.sync <- struct{}{}:
		defer func() { <-h.sync }()
	default:
		return thoonk.E(thoonk.Unavailable, "too many subscribers wait for their callbacks: try again, or with hub.verify=async")
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := h.examine(ctx, &i); err != nil {
		return err
	}
	if i.Mode == thoonk.HubDenied {
		return thoonk.E(thoonk.Forbidden, "%s", i.Reason)
	}
	began := time.Now()
	switch h.verify(ctx, i) {
	case confirmed:
		return h.apply(ctx, i, thoonk.HubIntent{}, began)
	case silent:
		return thoonk.E(thoonk.Unavailable, "the callback did not answer in time, or could not")
	}
	return thoonk.E(thoonk.Conflict, "the callback did not confirm the request")
}
