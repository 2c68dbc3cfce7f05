package thoonk

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// SourceKind says how a source is followed.
type SourceKind string

// The kinds of source.
const (
	WebFeed  SourceKind = "feed" // a document of Atom, RSS or JSON Feed, with a hub or without
	XMPPNode SourceKind = "xmpp" // a node of a publish-subscribe service
)

// SourceKinds are those that there are.
var SourceKinds = []SourceKind{WebFeed, XMPPNode}

// Bounds on how often a source is asked.
const (
	DefaultSourceLeast = time.Minute
	DefaultSourceMost  = 24 * time.Hour
	DefaultNodeMost    = 10 * time.Minute // of a node, which tells by itself what happens
	ShortestInterval   = time.Second
	LongestInterval    = 31 * 24 * time.Hour
)

// Source is an outside feed, or a node, whose entries come into a feed, each as an item, or into a job queue, each new one as a
// job.
type Source struct {
	Name   FeedName      `json:"name"`
	Kind   SourceKind    `json:"kind"`
	URL    string        `json:"url"`
	Feed   FeedName      `json:"feed"`             // where the entries go
	Min    time.Duration `json:"min,omitempty"`    // between two looks at it; 0: DefaultSourceLeast
	Max    time.Duration `json:"max,omitempty"`    // 0: DefaultSourceMost, or DefaultNodeMost
	NoHub  bool          `json:"no_hub,omitempty"` // it is only looked at
	Link   string        `json:"link,omitempty"`   // of a node: the component that subscribes; empty: the first one
	Paused bool          `json:"paused,omitempty"` // nothing comes in
	Config bool          `json:"config,omitempty"` // it stands in the configuration file
	By     string        `json:"by,omitempty"`     // who declared it last
	Life   string        `json:"life,omitempty"`   // of this source and of no later one with its name or address
	Since  time.Time     `json:"created,omitzero"`

	Revision Revision `json:"revision,omitzero"` // of the declaration; its number counts what was declared under the name since it was made
}

// DeclareSource makes a source, or declares it anew.
type DeclareSource struct {
	Source Source
	If     Condition // on Source.Revision
	Once   Once
	May    func(Source) error // asked about the one that stands there, if any; nil: everybody may
}

// RemoveSource ends a source.
type RemoveSource struct {
	Name FeedName
	If   Condition // on Source.Revision
	Once Once
	May  func(Source) error // as of a [DeclareSource]
}

// Check returns an [Invalid] error that names the field at fault.
func (s Source) Check() error {
	switch {
	case !slices.Contains(SourceKinds, s.Kind):
		return E(Invalid, "kind is feed or xmpp").In("kind")
	case s.Kind == XMPPNode && s.NoHub:
		return E(Invalid, "a node has no hub").In("hub")
	case s.Kind != XMPPNode && s.Link != "":
		return E(Invalid, "only a source of kind xmpp is followed over a link").In("link")
	case s.Feed == "":
		return E(Invalid, "a source needs a feed to bring its entries into").In("feed")
	case s.Min != 0 && (s.Min < ShortestInterval || s.Min > LongestInterval):
		return E(Invalid, "not a duration from %v to %v", ShortestInterval, LongestInterval).In("min_interval")
	case s.Max != 0 && (s.Max < ShortestInterval || s.Max > LongestInterval):
		return E(Invalid, "not a duration from %v to %v", ShortestInterval, LongestInterval).In("max_interval")
	}
	if low, high := s.Bounds(); low > high {
		return E(Invalid, "the least interval is above the most").In("min_interval")
	}
	return s.checkURL()
}

func (s Source) checkURL() error {
	if s.Kind == XMPPNode {
		_, _, err := ParseNodeURL(s.URL)
		return err
	}
	u, err := url.Parse(s.URL)
	switch {
	case s.URL == "":
		return E(Invalid, "a source needs the url of a feed, or of a page that names one").In("url")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || len(s.URL) > maxSourceURL || strings.ContainsAny(s.URL, " \t\r\n"):
		return E(Invalid, "not an http or https URL without a user, of up to 2048 bytes").In("url")
	}
	return nil
}

// Bounds returns how often the source is looked at, at most and at least.
func (s Source) Bounds() (low, high time.Duration) {
	low, high = s.Min, s.Max
	if high == 0 {
		high = max(map[bool]time.Duration{true: DefaultNodeMost, false: DefaultSourceMost}[s.Kind == XMPPNode], low)
	}
	if low == 0 {
		low = min(DefaultSourceLeast, high)
	}
	return low, high
}

// SourceStatus says how a source is.
type SourceStatus string

// The states of a source.
const (
	SourceNew     SourceStatus = "new"     // nothing was tried yet
	SourceOK      SourceStatus = "ok"      // the last try went well
	SourceFailing SourceStatus = "failing" // the last try did not
	SourceGone    SourceStatus = "gone"    // it said that it is gone for good (410); it is looked at seldom
)

// SourceHubStatus says whether a hub tells of changes.
type SourceHubStatus string

// The states of the subscription to a source's hub.
const (
	SourceHubNone     SourceHubStatus = ""
	SourceHubAsked    SourceHubStatus = "asked"    // the hub has not verified yet
	SourceHubVerified SourceHubStatus = "verified" // until the lease ends
	SourceHubDenied   SourceHubStatus = "denied"
	SourceHubFailed   SourceHubStatus = "failed" // it could not be asked, or does not verify
)

// SourceState is what is known of a source.
type SourceState struct {
	Status   SourceStatus  `json:"status"`
	Title    string        `json:"title,omitempty"` // of the outside feed
	Document string        `json:"document,omitempty"`
	Tried    time.Time     `json:"tried,omitzero"`
	Worked   time.Time     `json:"worked,omitzero"`
	Changed  time.Time     `json:"changed,omitzero"` // something new came
	Next     time.Time     `json:"next,omitzero"`    // when it is looked at again
	Interval time.Duration `json:"interval,omitempty"`
	Error    string        `json:"error,omitempty"` // of the last try that failed; it stays
	ErrorAt  time.Time     `json:"error_at,omitzero"`
	Failures int           `json:"failures,omitempty"` // in a row
	ETag     string        `json:"etag,omitempty"`
	Modified string        `json:"modified,omitempty"` // Last-Modified

	Hub    SourceHub    `json:"hub,omitzero"`
	Node   SourceNode   `json:"node,omitzero"`
	Counts SourceCounts `json:"counts,omitzero"`
	Digest string       `json:"digest,omitempty"` // of the document's bytes
}

// SourceHub is the subscription to a source's hub.
type SourceHub struct {
	URL      string          `json:"url,omitempty"`
	Topic    string          `json:"topic,omitempty"`
	Status   SourceHubStatus `json:"status,omitempty"`
	Callback string          `json:"callback,omitempty"` // the secret part of our address
	Secret   string          `json:"secret,omitempty"`
	Asked    time.Time       `json:"asked,omitzero"`
	Expires  time.Time       `json:"expires,omitzero"`
	Renew    time.Time       `json:"renew,omitzero"`   // when to ask again
	Reason   string          `json:"reason,omitempty"` // of a denial or a failure
	Failures int             `json:"failures,omitempty"`
}

// Works reports whether the hub is to tell of changes now.
func (h SourceHub) Works(now time.Time) bool {
	return h.Status == SourceHubVerified && now.Before(h.Expires)
}

// SourceCounts count what came in since the source was declared.
type SourceCounts struct {
	Fetches    int64 `json:"fetches"`
	Unchanged  int64 `json:"unchanged"`  // of them, with nothing new at all (304, or the same bytes)
	Pushes     int64 `json:"pushes"`     // deliveries of the hub
	Forged     int64 `json:"forged"`     // deliveries without a signature that holds; ignored
	New        int64 `json:"new"`        // entries
	Updated    int64 `json:"updated"`    // entries
	Deleted    int64 `json:"deleted"`    // entries
	Duplicates int64 `json:"duplicates"` // entries under an id that another one of the document has
	Refused    int64 `json:"refused"`    // entries that the feed did not take
	Mended     int64 `json:"mended"`     // dates from nowhere, ids that were missing or could not be ids of items
}

// SourceStats counts sources by their status. What is paused is paused, whatever its status is.
type SourceStats struct {
	New, OK, Failing, Gone, Paused int64
}

// Count adds a source.
func (c *SourceStats) Count(s KnownSource) {
	switch {
	case s.Source.Paused:
		c.Paused++
	case s.State.Status == SourceOK:
		c.OK++
	case s.State.Status == SourceFailing:
		c.Failing++
	case s.State.Status == SourceGone:
		c.Gone++
	default:
		c.New++
	}
}

// SourceEntry is what is remembered of an entry that came in.
type SourceEntry struct {
	Digest string // of what it was; "gone": it was deleted since
	Seen   int64  // the number of the look or the delivery that brought it
}

// KnownSource is a source with what is known of it.
type KnownSource struct {
	Source Source
	State  SourceState
}
