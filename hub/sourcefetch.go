package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// answered is what a source says.
type answered struct {
	feed           syndication.Feed
	same           bool // as it was the last time
	etag, modified string
	digest         string
	retry          time.Duration // it asks to be left alone for so long
	hub, self      string        // that it names
}

const acceptFeeds = "application/atom+xml, application/feed+json, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, text/html;q=0.7, */*;q=0.5"

// statusError is an answer that is no document.
type statusError struct{ status int }

func (e statusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the source answered %d %s", e.status, http.StatusText(e.status)))
}

func isGone(err error) bool {
	s, ok := errors.AsType[statusError](err)
	return ok && s.status == http.StatusGone
}

// public is what may be told of an error: those of the guard and of parsers name nothing that is secret.
func public(err error) string {
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		return e.Public
	}
	if e, ok := errors.AsType[*outbound.Error](err); ok {
		return e.Error()
	}
	return err.Error()
}

// fetch gets the document. If the source is a page, the first feed that it names is the document from then on.
func (l *look) fetch(ctx context.Context) (answered, error) {
	address := l.source.URL
	if l.state.Document != "" {
		address = l.state.Document
	}
	var found links
	for hops := 0; ; hops++ {
		resp, err := l.get(ctx, address)
		if err != nil {
			return answered{}, err
		}
		got := answered{retry: retryWait(resp.Header, l.now)}
		if resp.Status == http.StatusNotModified {
			got.same = true
			return got, nil
		}
		if resp.Status != http.StatusOK {
			return got, statusError{resp.Status}
		}
		sum := sha256.Sum256(resp.Body)
		got.etag, got.modified, got.digest = resp.Header.Get("ETag"), resp.Header.Get("Last-Modified"), base64.RawStdEncoding.EncodeToString(sum[:])
		found.header(resp)
		if got.digest == l.state.Digest {
			got.same, got.hub, got.self = true, found.hub, found.self
			return got, nil
		}
		got.feed, err = syndication.Parse(resp.Body, resp.Header.Get("Content-Type"), resp.URL)
		if err == nil {
			found.document(got.feed, resp.URL)
			got.hub, got.self = found.hub, found.self
			return got, nil
		}
		next := ""
		if hops == 0 && isHTML(resp) {
			next = found.page(resp)
		}
		if next == "" || next == address {
			return got, err
		}
		address, l.state.Document = next, next
		found.self = "" // that of the page
	}
}

func (l *look) get(ctx context.Context, address string) (*outbound.Response, error) {
	h := http.Header{"Accept": {acceptFeeds}}
	if l.state.ETag != "" {
		h.Set("If-None-Match", l.state.ETag)
	}
	if l.state.Modified != "" {
		h.Set("If-Modified-Since", l.state.Modified)
	}
	return l.g.o.Dialler.Do(ctx, outbound.Request{
		Purpose: "source", URL: address, Header: h, Follow: 5, MaxBody: syndication.MaxDocument, Timeout: 30 * time.Second,
	})
}

// retryWait is how long an answer asks to be left alone: by Retry-After, or because it is fresh for so long.
func retryWait(h http.Header, now time.Time) time.Duration {
	if after := h.Get("Retry-After"); after != "" {
		if n, err := strconv.Atoi(after); err == nil && n > 0 {
			return time.Duration(min(n, 1<<30)) * time.Second
		}
		if at, err := http.ParseTime(after); err == nil {
			return max(0, at.Sub(now))
		}
	}
	if m := maxAge.FindStringSubmatch(strings.ToLower(h.Get("Cache-Control"))); m != nil {
		n, _ := strconv.Atoi(m[1])
		return time.Duration(min(n, 3600)) * time.Second
	}
	return 0
}

var maxAge = regexp.MustCompile(`(?:^|[\s,])max-age=(\d{1,9})`)

// links are the hub and the topic that a source names; what is found first counts (WebSub section 4).
type links struct{ hub, self string }

// header reads Link headers (RFC 8288).
func (f *links) header(resp *outbound.Response) {
	for _, line := range resp.Header.Values("Link") {
		for _, m := range linkHeader.FindAllStringSubmatch(line, -1) {
			for _, p := range linkParam.FindAllStringSubmatch(m[2], -1) {
				if strings.EqualFold(p[1], "rel") {
					f.add(p[2]+p[3], m[1], resp.URL)
				}
			}
		}
	}
}

var (
	linkHeader = regexp.MustCompile(`<([^>]*)>((?:\s*;\s*[^\s;,="]+\s*(?:=\s*(?:"[^"]*"|[^\s;,"]*))?)*)`)
	linkParam  = regexp.MustCompile(`;\s*([^\s;,="]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?`)
)

func (f *links) add(rels, href, base string) {
	address := absolute(href, base)
	for rel := range strings.FieldsSeq(strings.ToLower(rels)) {
		switch {
		case address == "":
		case rel == "hub" && f.hub == "":
			f.hub = address
		case rel == "self" && f.self == "":
			f.self = address
		}
	}
}

// document adds what the document says, and the address that it has if it says nothing.
func (f *links) document(feed syndication.Feed, address string) {
	for _, hub := range feed.Hubs {
		f.add("hub", hub, address)
	}
	f.add("self", feed.Self, address)
	if feed.Self == "" {
		f.add("self", address, address)
	}
}

func isHTML(resp *outbound.Response) bool {
	start := bytes.ToLower(resp.Body[:min(len(resp.Body), 1024)])
	return strings.Contains(resp.Header.Get("Content-Type"), "html") || bytes.Contains(start, []byte("<html")) || bytes.Contains(start, []byte("<!doctype html"))
}

// page returns the first feed that a page names. Its hub counts too.
func (f *links) page(resp *outbound.Response) (feed string) {
	base := resp.URL
	z := html.NewTokenizer(bytes.NewReader(resp.Body))
	z.SetMaxBuf(1 << 20)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return feed
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			attr := map[string]string{}
			for _, a := range t.Attr {
				attr[a.Key] = a.Val
			}
			switch t.DataAtom {
			case atom.Base:
				if href := absolute(attr["href"], base); href != "" {
					base = href
				}
			case atom.Link, atom.A:
				f.add(attr["rel"], attr["href"], base)
				if feed == "" && hasWord(attr["rel"], "alternate") && isFeedType(attr["type"]) {
					feed = absolute(attr["href"], base)
				}
			}
		}
	}
}

func hasWord(words, word string) bool {
	for w := range strings.FieldsSeq(strings.ToLower(words)) {
		if w == word {
			return true
		}
	}
	return false
}

func isFeedType(mediaType string) bool {
	switch strings.ToLower(strings.TrimSpace(bare(mediaType))) {
	case "application/atom+xml", "application/rss+xml", "application/feed+json", "application/rdf+xml":
		return true
	}
	return false
}

// absolute resolves a reference to an address of the web, or returns "".
func absolute(href, base string) string {
	b, err := url.Parse(base)
	if err != nil || strings.TrimSpace(href) == "" {
		return ""
	}
	u, err := b.Parse(strings.TrimSpace(href))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	u.Fragment = ""
	return u.String()
}
