package hub

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // old hubs sign with it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// callbackTimeout is how long a hub's request may wait for the source to be let go of. Hubs wait about as long.
const callbackTimeout = 8 * time.Second

// Bounds on the lease that a hub grants: shorter ones would have us ask without end.
const (
	leastLease = 3 * time.Second
	mostLease  = 365 * 24 * time.Hour
)

// ServeCallback answers the hubs of sources: GET to verify what we asked for, POST to deliver. Whoever knows the address
// is the hub that it was given to; what a delivery says counts only with a signature that holds.
func (g *Ingest) ServeCallback(w http.ResponseWriter, r *http.Request, _ auth.Principal) error {
	secret := strings.TrimPrefix(r.URL.Path, callbackPath)
	ctx, cancel := context.WithTimeout(r.Context(), callbackTimeout)
	defer cancel()
	name, err := g.o.Store.SourceOfCallback(ctx, secret)
	if r.Method == http.MethodPost {
		if err != nil {
			return err
		}
		return g.delivered(ctx, w, r, name, secret)
	}
	q := r.URL.Query()
	if thoonk.KindOf(err) == thoonk.NotFound && q.Get("hub.mode") == "unsubscribe" {
		return answerPlain(w, q.Get("hub.challenge")) // of a source that is no more
	}
	if err != nil {
		return err
	}
	confirmed := false
	err = g.alone(ctx, name, func(ctx context.Context, l *look) (err error) {
		confirmed, err = l.verify(ctx, secret, q.Get("hub.mode"), q.Get("hub.topic"), q.Get("hub.lease_seconds"), q.Get("hub.reason"))
		return err
	})
	switch {
	case err != nil:
		return err
	case !confirmed:
		return thoonk.E(thoonk.NotFound, "that was not asked for")
	}
	return answerPlain(w, q.Get("hub.challenge"))
}

func answerPlain(w http.ResponseWriter, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, text) // an error means that the hub has left
	return nil
}

// verify confirms what we asked for (WebSub section 5.3), and notes a denial (section 5.2).
func (l *look) verify(ctx context.Context, secret, mode, topic, lease, reason string) (confirmed bool, err error) {
	h := &l.state.Hub
	if h.Callback != secret {
		return mode == "unsubscribe", nil // of an address that we gave up
	}
	if topic != h.Topic {
		return false, nil
	}
	switch mode {
	case "subscribe":
		if h.Status != thoonk.SourceHubAsked && h.Status != thoonk.SourceHubVerified || l.source.Paused {
			return false, nil
		}
		granted := askLease
		if n, err := strconv.ParseInt(lease, 10, 64); err == nil && n > 0 {
			granted = max(leastLease, min(time.Duration(min(n, 1<<31))*time.Second, mostLease))
		}
		h.Status, h.Failures, h.Reason = thoonk.SourceHubVerified, 0, ""
		h.Expires, h.Renew = l.now.Add(granted).UTC(), l.now.Add(granted*2/3).UTC()
		return true, l.save(ctx)
	case "denied":
		h.Status, h.Reason, h.Expires = thoonk.SourceHubDenied, excerpt([]byte(reason)), time.Time{}
		h.Failures++
		h.Renew = l.now.Add(min(time.Hour<<min(h.Failures, 10), askAgainMost)).UTC()
		return true, l.save(ctx)
	}
	return false, nil
}

// delivered takes in what a hub delivers. It is answered with success once it is in Redis. What is not signed as agreed is
// thanked for too, so that nobody learns by trying (WebSub section 8.1), and ignored.
func (g *Ingest) delivered(ctx context.Context, w http.ResponseWriter, r *http.Request, name thoonk.FeedName, secret string) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, syndication.MaxDocument))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return thoonk.E(thoonk.TooLarge, "a delivery has at most %d bytes", syndication.MaxDocument)
	}
	if err != nil {
		return thoonk.E(thoonk.Invalid, "the delivery did not come whole").Because(err)
	}
	signature, kind := r.Header.Get("X-Hub-Signature"), r.Header.Get("Content-Type")
	err = g.alone(ctx, name, func(ctx context.Context, l *look) error {
		return l.delivery(ctx, secret, signature, kind, body)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (l *look) delivery(ctx context.Context, secret, signature, contentType string, body []byte) error {
	s := &l.state
	if s.Hub.Callback != secret {
		return thoonk.E(thoonk.NotFound, "there is no such callback")
	}
	if l.source.Paused {
		return nil
	}
	if !signed(signature, s.Hub.Secret, body) {
		s.Counts.Forged++
		l.g.stats.forged.Add(1)
		s.Error, s.ErrorAt = "a delivery of the hub had no signature that holds, and was ignored", l.now.UTC()
		return l.save(ctx)
	}
	s.Counts.Pushes++
	l.g.stats.pushes.Add(1)
	feed, err := syndication.Parse(body, contentType, s.Hub.Topic)
	if err != nil { // only a ping, or not what we can read: we look ourselves
		return l.remember(ctx, nil)
	}
	changed, err := l.take(ctx, feed, false)
	if err != nil {
		if !ours(err) {
			s.Error, s.ErrorAt = public(err), l.now.UTC()
			return errors.Join(err, l.save(context.WithoutCancel(ctx)))
		}
		return err
	}
	if changed {
		s.Changed = l.now.UTC()
	}
	return l.save(ctx)
}

// signed reports whether a signature, "method=hex", is that of the body.
func signed(signature, secret string, body []byte) bool {
	method, text, _ := strings.Cut(strings.TrimSpace(signature), "=")
	given, err := hex.DecodeString(text)
	made := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}[strings.ToLower(method)]
	if err != nil || made == nil {
		return false
	}
	mac := hmac.New(made, []byte(secret))
	mac.Write(body)
	return hmac.Equal(given, mac.Sum(nil))
}
