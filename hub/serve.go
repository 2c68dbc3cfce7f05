package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/negotiate"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// ServeDocument answers GET and HEAD of the documents: /feeds/{feed}.atom, .rss, .json and .html, /feeds/{feed} in the
// format that the client prefers, /feeds/{feed}/latest, and the same of several feeds, /feeds.atom?match=. who has to have
// the right to read. Errors are of type [thoonk.Error]; then nothing was answered.
func (r *Renderer) ServeDocument(w http.ResponseWriter, request *http.Request, who auth.Principal) error {
	t, err := parsePath(request.URL.EscapedPath(), request.URL.RawQuery)
	if err != nil {
		return err
	}
	if t.Match == "" { // rights come before existence
		if err := who.Require(auth.Read, t.Feed); err != nil {
			return err
		}
	} else if !canReadAny(who, t.Match) {
		return who.Require(auth.Read, thoonk.FeedName(t.Match))
	}
	h := w.Header()
	if t.Format == "" {
		h.Add("Vary", "Accept")
		t.Format = preferred(request.Header.Values("Accept"))
		h.Set("Content-Location", r.Addresses.URL(t))
	}
	topic := t
	if t.Format == HTML {
		topic = t.as(Atom) // what a reader of the page would subscribe to
	}
	h.Set("Link", r.links(topic))
	h.Add("Vary", "Accept-Encoding")
	known, err := r.known(request.Context(), t, request.Header)
	if err != nil {
		return err
	}
	if known != "" {
		h.Set("ETag", known)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	made, err := r.read(request.Context(), t, r.Addresses.URL(topic), func(f thoonk.FeedName) bool { return who.Can(auth.Read, f) })
	if err != nil {
		return err
	}
	return r.answer(w, request, made)
}

func canReadAny(who auth.Principal, match thoonk.Pattern) bool {
	for _, g := range who.Grants {
		if (slices.Contains(g.Can, auth.Read) || slices.Contains(g.Can, auth.Admin)) && overlap(string(g.Match), string(match)) {
			return true
		}
	}
	return false
}

// overlap reports whether some text may match both patterns, by what stands before their first "*".
func overlap(a, b string) bool {
	headA, _, wildA := strings.Cut(a, "*")
	headB, _, wildB := strings.Cut(b, "*")
	switch {
	case wildA && wildB:
		return strings.HasPrefix(headA, headB) || strings.HasPrefix(headB, headA)
	case wildA:
		return thoonk.Pattern(a).Match(thoonk.FeedName(b))
	case wildB:
		return thoonk.Pattern(b).Match(thoonk.FeedName(a))
	}
	return a == b
}

// preferred is the format that an Accept header wants most, of equals the first of suffixed. Whoever wants none of them
// gets Atom.
func preferred(accept []string) Format {
	best, wish := Atom, negotiate.Preference{}
	for _, f := range suffixed {
		kinds := []string{bare(f.MediaType())}
		switch f {
		case Atom:
			kinds = append(kinds, "application/xml", "text/xml")
		case JSON:
			kinds = append(kinds, "application/json")
		}
		for _, kind := range kinds {
			if p := negotiate.Accepts(accept, kind); p.Over(wish) {
				best, wish = f, p
			}
		}
	}
	return best
}

// bare is a media type without its parameters.
func bare(mediaType string) string {
	kind, _, _ := strings.Cut(mediaType, ";")
	return kind
}

// links are what WebSub discovers a topic and its hub by (section 4), and the same in other formats.
func (r *Renderer) links(t Topic) string {
	links := "<" + r.Addresses.Hub() + `>; rel="hub", <` + r.Addresses.URL(t) + `>; rel="self"`
	if t.Format == Raw {
		return links
	}
	for _, f := range suffixed {
		if f != t.Format {
			links += ", <" + r.Addresses.URL(t.as(f)) + `>; rel="alternate"; type="` + bare(f.MediaType()) + `"`
		}
	}
	return links
}

// known returns the entity tag if the client has the document of one feed as it is: that costs no more than the feed's
// revision.
func (r *Renderer) known(ctx context.Context, t Topic, h http.Header) (string, error) {
	if t.Match != "" || h.Get("If-None-Match") == "" {
		return "", nil
	}
	head, err := r.Store.Head(ctx, t.Feed)
	if err != nil {
		return "", err
	}
	if tag := entityTag(head.String(), t.Format); matches(h, tag) {
		return tag, nil
	}
	return "", nil
}

// entityTag is weak: the document may come compressed or not (RFC 9110 section 8.8.1).
func entityTag(revision string, f Format) string { return `W/"` + revision + "-" + string(f) + `"` }

func matches(h http.Header, tag string) bool {
	for t := range strings.SplitSeq(strings.Join(h.Values("If-None-Match"), ","), ",") {
		t = strings.TrimSpace(t)
		if t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

func (r *Renderer) answer(w http.ResponseWriter, request *http.Request, made whole) error {
	doc := r.Addresses.render(made.telling)
	if doc.Body == nil && made.topic.Format == Raw {
		return thoonk.E(thoonk.NotFound, "the feed has no item")
	}
	h := w.Header()
	tag := entityTag(made.tag, made.topic.Format)
	h.Set("ETag", tag)
	modified := made.modified.UTC().Truncate(time.Second)
	if past := time.Since(modified) > 2*time.Second; past && !made.modified.IsZero() {
		h.Set("Last-Modified", modified.Format(http.TimeFormat)) // of a second that is over: nothing more happens in it
		if since, err := http.ParseTime(request.Header.Get("If-Modified-Since")); err == nil && request.Header.Get("If-None-Match") == "" && !modified.After(since) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if matches(request.Header, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", doc.ContentType)
	switch made.topic.Format {
	case HTML:
		h.Set("Content-Security-Policy", pagePolicy(doc.Body))
		h.Set("Referrer-Policy", "no-referrer")
	case Raw: // anybody's bytes, under our name
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	}
	const worthwhile = 1 << 10
	if len(doc.Body) >= worthwhile && negotiate.PrefersGzip(request.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		doc.Body = negotiate.Gzip(doc.Body)
	}
	h.Set("Content-Length", strconv.Itoa(len(doc.Body)))
	w.WriteHeader(http.StatusOK)
	if request.Method != http.MethodHead {
		_, _ = w.Write(doc.Body) // an error means that the client has left
	}
	return nil
}

// pagePolicy lets a page use the style in it and show pictures, and nothing else.
func pagePolicy(page []byte) string {
	_, rest, _ := bytes.Cut(page, []byte("<style>"))
	style, _, _ := bytes.Cut(rest, []byte("</style>"))
	sum := sha256.Sum256(style)
	return "default-src 'none'; img-src http: https:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
