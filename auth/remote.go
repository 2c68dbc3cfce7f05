package auth

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	usualAge = 15 * time.Minute // of a set whose server says nothing of it
	leastAge = time.Minute      // between two fetches, whatever the server says and whatever tokens come
	mostAge  = 24 * time.Hour
	patience = 3 * time.Second // that a token waits for a fetch
)

// RemoteKeys are the public keys of a JWK Set (RFC 7517 section 5) at a URL, kept fresh by Run. A fetch that fails
// changes nothing. They are safe for concurrent use; nil has no keys.
type RemoteKeys struct {
	url    string
	client *http.Client
	log    *slog.Logger
	wanted chan struct{} // a fetch was begun that Run has to do

	mu    sync.Mutex
	keys  []key         // never changed, only replaced
	begun time.Time     // when the last fetch began
	ended chan struct{} // closed when the fetch under way ends; nil: none is
	body  []byte        // Run's own: what keys were read from
}

// RemoteOptions say where keys are and how to get them.
type RemoteOptions struct {
	URL       string            // https, or http to this very machine
	Transport http.RoundTripper // nil: one like http.DefaultTransport
	Log       *slog.Logger
}

// NewRemoteKeys returns keys that are still to be fetched, by Run. Until then tokens wait for them, a little.
func NewRemoteKeys(o RemoteOptions) *RemoteKeys {
	host := ""
	if u, err := url.Parse(o.URL); err == nil {
		host = u.Host
	}
	return &RemoteKeys{
		url:    o.URL,
		client: newClient(o.Transport),
		log:    o.Log.With("host", host), // without the query, which may hold a secret
		wanted: make(chan struct{}, 1),
		begun:  time.Now(),
		ended:  make(chan struct{}),
	}
}

// Run fetches the keys, again before they are too old or when a token names an unknown one, until ctx ends.
func (r *RemoteKeys) Run(ctx context.Context) {
	for ctx.Err() == nil {
		r.begin()
		keys, age := r.update(ctx)
		r.end(keys)
		select {
		case <-ctx.Done():
		case <-time.After(age):
		case <-r.wanted:
		}
	}
}

// begin marks a fetch as under way, unless a token has done so.
func (r *RemoteKeys) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.wanted: // this one will do
	default:
	}
	if r.ended == nil {
		r.begun, r.ended = time.Now(), make(chan struct{})
	}
}

func (r *RemoteKeys) end(keys []key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = keys
	close(r.ended)
	r.ended = nil
}

// update returns the keys as the server has them now, or the old ones, and how long they will do.
func (r *RemoteKeys) update(ctx context.Context) ([]key, time.Duration) {
	old := r.current()
	keys, age, err := r.load(ctx, old)
	if err != nil {
		if ctx.Err() == nil {
			r.log.WarnContext(ctx, "cannot fetch the keys of tokens", "keys_kept", len(old), "err", err)
		}
		return old, leastAge
	}
	return keys, age
}

func (r *RemoteKeys) load(ctx context.Context, old []key) ([]key, time.Duration, error) {
	body, age, err := r.fetch(ctx)
	if err != nil || bytes.Equal(body, r.body) {
		return old, age, err
	}
	keys, faults, err := parseRemoteJWKs(body)
	if err != nil {
		return nil, 0, err
	}
	if faults != nil {
		r.log.WarnContext(ctx, "some keys of tokens are faulty", "err", faults)
	}
	r.log.InfoContext(ctx, "keys of tokens fetched", "keys", len(keys))
	r.body = body
	return keys, age, nil
}

func (r *RemoteKeys) current() []key {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}

// lacks reports whether a token that did not verify with these keys may be signed with one that the server has got
// since: one of a name that we do not know, or any as long as we know none.
func (r *RemoteKeys) lacks(keys []key, t *jwt.Token) bool {
	if r == nil || t == nil || t.Method == nil || !slices.Contains(publicAlgorithms, t.Method.Alg()) {
		return false
	}
	if len(keys) == 0 {
		return true
	}
	id := kid(t)
	return id != "" && !slices.ContainsFunc(keys, func(k key) bool { return k.id == id })
}

// refetch has the keys fetched anew, waits for them a little, and reports whether that was done. It is not if the last
// time was less than a minute ago: any stranger can name an unknown key.
func (r *RemoteKeys) refetch() bool {
	ended := r.ask()
	if ended == nil {
		return false
	}
	select {
	case <-ended:
		return true
	case <-time.After(patience):
		return false
	}
}

// ask returns what tells the end of the fetch that is under way, now at the latest, or nil.
func (r *RemoteKeys) ask() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == nil && time.Since(r.begun) >= leastAge {
		r.begun, r.ended = time.Now(), make(chan struct{})
		r.wanted <- struct{}{} // empty since the fetch before began
	}
	return r.ended
}
