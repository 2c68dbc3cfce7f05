package hub

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // PubSubHubbub 0.3 knows no other
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Headers of ours on a delivery.
const (
	headerDelivery = "Thoonk-Delivery" // its id, the same whenever it is tried
	headerReset    = "Thoonk-Reset"    // "true": what came between is not known any more, this is the whole document
)

// send posts a message. ok says that it was taken; otherwise the rest is what becomes of the subscription.
func (t *task) send(ctx context.Context, m message) (verdict thoonk.HubVerdict, at time.Time, ok bool) {
	if !t.w.hosts.enter(ctx, t.host, t.perHost) {
		return thoonk.HubLater, time.Now().Add(jittered(500 * time.Millisecond)), false
	}
	began := time.Now()
	answer, err := t.post(ctx, m)
	now := time.Now()
	if ctx.Err() != nil { // we are ending: whether it arrived is not known
		return thoonk.HubAgain, now, false
	}
	recovers := t.state.Error != ""
	t.state.Attempted, t.state.Status, t.state.Error = now, 0, ""
	var wanted time.Duration
	switch {
	case err != nil:
		t.state.Error = err.Error()
	case answer.Status/100 == 2:
		if recovers { // of what works only the last is kept, in the state
			t.w.report.attempt(t.sub.ID, thoonk.HubAttempt{At: now, Delivery: m.id, Status: answer.Status, Took: now.Sub(began)})
		}
		t.succeeded(answer, now)
		t.w.o.Observe("delivered", now.Sub(began))
		return "", now, true
	default:
		t.state.Status, t.state.Error = answer.Status, "the callback answered "+strconv.Itoa(answer.Status)
		wanted = retryAfter(answer.Header, now)
	}
	t.w.o.Observe("failed", now.Sub(began))
	t.w.report.attempt(t.sub.ID, thoonk.HubAttempt{At: now, Delivery: m.id, Status: t.state.Status, Error: t.state.Error, Took: now.Sub(began)})
	if t.state.Status == http.StatusGone {
		verdict, at = t.end(ctx)
		return verdict, at, false
	}
	verdict, at = t.w.o.Settings.afterFailure(&t.state, wanted, now)
	return verdict, at, false
}

func (t *task) succeeded(answer *outbound.Response, now time.Time) {
	t.state.Status, t.state.Succeeded, t.state.Failures, t.state.Stalled = answer.Status, now, 0, false
	t.state.Delivered++
	if n, err := strconv.ParseUint(answer.Header.Get("X-Hub-On-Behalf-Of"), 10, 31); err == nil {
		t.state.Audience = int(n)
	}
}

// post sends the message and waits for the answer. While that takes long, others have its place.
func (t *task) post(ctx context.Context, m message) (*outbound.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, t.w.o.Settings.Timeout)
	defer cancel()
	gaveWay := make(chan struct{}, 1)
	slow := time.AfterFunc(slowAfter, func() {
		gaveWay <- struct{}{}
		t.w.hosts.leave(t.host)
		if !t.slot.giveWay() {
			cancel()
		}
	})
	answer, err := t.w.o.Sender.Do(ctx, outbound.Request{
		Purpose: "delivery", Method: http.MethodPost, URL: t.sub.Callback, Header: t.header(m), Body: m.doc.Body,
		Timeout: t.w.o.Settings.Timeout, MaxBody: outbound.NoBody,
	})
	if slow.Stop() {
		t.w.hosts.leave(t.host)
	} else {
		<-gaveWay
	}
	return answer, err
}

// link says of what hub a delivery is, and of what topic, as the subscriber spelt it.
func (a Addresses) link(topic string) string {
	return "<" + a.Hub() + `>; rel="hub", <` + linkable(topic) + `>; rel="self"`
}

// header says what is sent, and by whom.
func (t *task) header(m message) http.Header {
	h := http.Header{
		"Content-Type": {m.doc.ContentType},
		"Link":         {t.link},
		headerDelivery: {m.id},
	}
	if m.reset {
		h[headerReset] = []string{"true"}
	}
	if t.sub.Secret == "" {
		return h
	}
	h["X-Hub-Signature"] = []string{signature(t.sub.Algorithm, t.sub.Secret, m.doc.Body)}
	if strings.HasPrefix(t.sub.Secret, "whsec_") {
		if secret, err := outbound.ParseSecret(t.sub.Secret); err == nil {
			outbound.Sign(h, m.id, time.Now(), m.doc.Body, secret)
		}
	}
	return h
}

// linkable keeps an address within its brackets (RFC 8288 section 3).
var linkEscaper = strings.NewReplacer("<", "%3C", ">", "%3E", `"`, "%22", " ", "%20")

func linkable(address string) string { return linkEscaper.Replace(address) }

// algorithms are those of WebSub section 7.1.
var algorithms = map[string]func() hash.Hash{
	"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

const defaultAlgorithm = "sha256"

// signature is the value of X-Hub-Signature.
func signature(algorithm, secret string, body []byte) string {
	mac := hmac.New(algorithms[algorithm], []byte(secret))
	mac.Write(body)
	return algorithm + "=" + hex.EncodeToString(mac.Sum(nil))
}
