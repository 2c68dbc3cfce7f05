package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A topic that is hosted elsewhere is mirrored in a feed of its own, whose one item is what was new when the topic was
// fetched last. So it is distributed as any other feed is: by the log, and from the feed's history.

// origins are what a [Store] keeps of topics that are hosted elsewhere.
type origins interface {
	PutFeed(context.Context, thoonk.PutFeed) (feed thoonk.Feed, created bool, err error)
	Publish(context.Context, thoonk.PublishItem) (thoonk.Published, error)
	// HubOrigin returns what is kept of a topic; NotFound: nothing.
	HubOrigin(ctx context.Context, topic string) (record string, err error)
	// PutHubOrigin keeps it. Limited: there are too many topics.
	PutHubOrigin(ctx context.Context, topic, record string) error
	// FetchHubOrigin has a topic fetched that is kept, and does nothing for any other.
	FetchHubOrigin(ctx context.Context, topic string) error
	// FinishHubOrigin keeps what a worker fetched, to be fetched again at a time, or zero: when it is asked for.
	FinishHubOrigin(ctx context.Context, f thoonk.Fence, o thoonk.HubOrigin, again time.Time) error
	// HubAudience counts the readers of a feed: each subscriber is one, unless it says that it stands for more.
	HubAudience(context.Context, thoonk.FeedName) (int, error)
}

const (
	originFeed   = "hub:" // and the address
	originItem   = "new"
	originFormat = Format("origin")
	maxOrigin    = 4 << 20 // bytes of a document
	maxRedirects = 5
)

// originRecord is what is kept of a topic.
type originRecord struct {
	ETag     string            `json:"etag,omitempty"`
	Modified string            `json:"modified,omitempty"`
	Type     string            `json:"type"`
	Document []byte            `json:"document"` // whole, as it was fetched last
	Entries  map[string]string `json:"entries"`  // id → digest
	Tries    int               `json:"tries,omitempty"`
}

// foreign reports whether a topic is hosted at an origin of the configuration. An address that climbs out of where it begins
// is not, however the dots are written.
func (h *Hub) foreign(topic string) bool {
	u, err := url.Parse(topic)
	if err != nil || u.User != nil || strings.Contains(topic, "#") || climbs(u.Path) {
		return false
	}
	for _, o := range h.o.Settings.Origins {
		begins, err := url.Parse(o)
		if err == nil && begins.Scheme == u.Scheme && begins.Host == u.Host && strings.HasPrefix(u.EscapedPath(), begins.EscapedPath()) {
			return true
		}
	}
	return false
}

// climbs reports whether a path has segments of dots. Some servers take "\\" for "/".
func climbs(path string) bool {
	for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// topicOf returns what an address stands for, here or elsewhere.
func (h *Hub) topicOf(address string) (Topic, error) {
	if !h.foreign(address) {
		return h.o.Addresses.Parse(address)
	}
	name, err := thoonk.ParseFeedName(originFeed + address)
	return Topic{Feed: name, Format: originFormat}, err
}

// publish takes a ping (PubSubHubbub 0.3 section 7.1). Our own topics are distributed by the log, ping or none.
func (h *Hub) publish(ctx context.Context, form url.Values) (int, error) {
	urls, err := parsePublish(form)
	if err != nil {
		return 0, err
	}
	for _, u := range urls {
		if !h.foreign(u) && !h.o.Addresses.has(u) {
			return 0, thoonk.E(thoonk.Forbidden, "hub.url is no topic of this hub").In("hub.url")
		}
	}
	for _, u := range urls {
		if h.foreign(u) {
			if err := h.o.Store.FetchHubOrigin(ctx, u); err != nil {
				return 0, err
			}
		}
	}
	h.poke()
	return http.StatusNoContent, nil
}

// prepareOrigin sees to it that a topic is known before it has a subscriber: what is new is new compared to that. Nothing is
// kept of what cannot be fetched. Errors: NotFound (the origin does not have it), Limited, Unavailable, which has an
// originError in it where it is the origin's.
func (h *Hub) prepareOrigin(ctx context.Context, sub thoonk.HubSubscription) error {
	_, err := h.o.Store.HubOrigin(ctx, sub.Topic)
	if thoonk.KindOf(err) == thoonk.NotFound {
		err = h.meetOrigin(ctx, sub.Topic)
	}
	if err != nil {
		return err
	}
	_, _, err = h.o.Store.PutFeed(ctx, thoonk.PutFeed{Name: sub.Feed, Config: thoonk.Config{Content: thoonk.Binary, MaxLength: 1}, Actor: "hub"})
	return err
}

// meetOrigin fetches a topic for the first time.
func (h *Hub) meetOrigin(ctx context.Context, topic string) error {
	answer, err := h.fetchOrigin(ctx, topic, originRecord{})
	if err != nil {
		return err
	}
	record := answer.record()
	_, record.Entries = diff(record.Type, record.Document, nil)
	return h.o.Store.PutHubOrigin(ctx, topic, encodeOrigin(record))
}

// originObjection says why a topic that is hosted elsewhere cannot be had, or nothing. An origin that is away is tried as
// often as a callback is.
func (h *Hub) originObjection(ctx context.Context, i *thoonk.HubIntent) (string, error) {
	err := h.prepareOrigin(ctx, i.Subscription)
	_, away := errors.AsType[originError](err)
	e, told := errors.AsType[*thoonk.Error](err)
	if told && (e.Kind != thoonk.Unavailable || away && i.Tries >= len(h.o.Settings.AskRetries)) {
		return e.Public, nil
	}
	return "", err
}

// originError is why an origin did not answer with a document, and may do so later.
type originError struct{ error }

type fetched struct{ *outbound.Response }

func (f fetched) record() originRecord {
	return originRecord{
		ETag: f.Header.Get("ETag"), Modified: f.Header.Get("Last-Modified"), Type: f.Header.Get("Content-Type"), Document: f.Body,
	}
}

// fetchOrigin gets a topic, if it changed (PubSubHubbub 0.3 section 7.2). Errors: as of prepareOrigin.
func (h *Hub) fetchOrigin(ctx context.Context, topic string, known originRecord) (fetched, error) {
	readers, err := h.o.Store.HubAudience(ctx, thoonk.FeedName(originFeed+topic))
	if err != nil {
		return fetched{}, err
	}
	header := http.Header{"User-Agent": {fmt.Sprintf("thoonkd (+%s; %d subscribers)", h.o.Addresses.Hub(), readers)}}
	header.Set("X-Hub-On-Behalf-Of", fmt.Sprint(readers))
	if known.ETag != "" {
		header.Set("If-None-Match", known.ETag)
	}
	if known.Modified != "" {
		header.Set("If-Modified-Since", known.Modified)
	}
	began := time.Now()
	answer, err := h.o.Sender.Do(ctx, outbound.Request{
		Purpose: "origin", URL: topic, Header: header, Timeout: 3 * h.o.Settings.Timeout, MaxBody: maxOrigin, Follow: maxRedirects,
	})
	h.o.Observe("fetched", time.Since(began))
	const cannot = "the topic cannot be fetched from where it is hosted: "
	switch {
	case outbound.IsForbidden(err), outbound.ReasonOf(err) == outbound.BadURL, outbound.ReasonOf(err) == outbound.TooLarge:
		return fetched{}, thoonk.E(thoonk.NotFound, cannot+"%s", err.Error()).Because(err)
	case err != nil:
		return fetched{}, thoonk.E(thoonk.Unavailable, cannot+"%s", err.Error()).Because(originError{err})
	case answer.Status == http.StatusNotModified, answer.Status == http.StatusOK:
		return fetched{answer}, nil
	case answer.Status == http.StatusNotFound, answer.Status == http.StatusGone, answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden:
		return fetched{}, thoonk.E(thoonk.NotFound, cannot+"status %d", answer.Status)
	}
	err = fmt.Errorf("status %d", answer.Status)
	return fetched{}, thoonk.E(thoonk.Unavailable, cannot+"%s", err.Error()).Because(originError{err})
}

// fetch gets a topic that was published to, and distributes what is new.
func (w *worker) fetch(ctx context.Context, o thoonk.HubOrigin) {
	var known originRecord
	_ = json.Unmarshal([]byte(o.Record), &known) // what is not ours is as nothing: then all is new
	again := time.Time{}
	next, err := w.distribute(ctx, o.Topic, known)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil && known.Tries < len(w.o.Settings.AskRetries):
		next, again = known, time.Now().Add(jittered(w.o.Settings.AskRetries[known.Tries]))
		next.Tries++
	case err != nil:
		w.o.Logger.WarnContext(ctx, "hub: a topic that was published to cannot be fetched", "topic", o.Topic, "error", err)
		next = known
		next.Tries = 0
	}
	o.Record = encodeOrigin(next)
	if err := w.o.Store.FinishHubOrigin(ctx, w.fence, o, again); err != nil {
		w.o.Logger.DebugContext(ctx, "hub: what was fetched could not be noted", "error", err)
	}
}

// distribute publishes what is new in the topic's feed.
func (h *Hub) distribute(ctx context.Context, topic string, known originRecord) (originRecord, error) {
	answer, err := h.fetchOrigin(ctx, topic, known)
	if err != nil {
		return known, err
	}
	if answer.Status == http.StatusNotModified {
		known.Tries = 0
		return known, nil
	}
	next := answer.record()
	fresh, entries := diff(next.Type, next.Document, known.Entries)
	next.Entries = entries
	if fresh == nil {
		return next, nil
	}
	_, err = h.o.Store.Publish(ctx, thoonk.PublishItem{
		Feed: thoonk.FeedName(originFeed + topic), ID: originItem, Form: thoonk.FormBase64, Body: packOrigin(next.Type, fresh), Actor: "hub",
	})
	return next, err
}

func encodeOrigin(r originRecord) string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts and bytes
	}
	return string(b)
}

// packOrigin puts the type of a document before it.
func packOrigin(contentType string, document []byte) []byte {
	contentType = strings.NewReplacer("\n", " ", "\r", " ").Replace(contentType)
	return append([]byte(contentType+"\n"), document...)
}

func unpackOrigin(body []byte) Document {
	contentType, document, _ := strings.Cut(string(body), "\n")
	return Document{ContentType: contentType, Body: []byte(document)}
}

// wholeOrigin is the document as it was fetched last.
func (h *Hub) wholeOrigin(ctx context.Context, topic string) (Document, error) {
	text, err := h.o.Store.HubOrigin(ctx, topic)
	if err != nil {
		return Document{}, err
	}
	var r originRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Document{}, err
	}
	return Document{ContentType: r.Type, Body: r.Document}, nil
}
