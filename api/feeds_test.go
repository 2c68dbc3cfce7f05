package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// names pages through a list by its Link headers and returns the names on each page.
func (e *edge) pages(target, token string) []string {
	e.t.Helper()
	var pages []string
	for target != "" {
		a := e.do("GET", target, "", as(token)).is(200)
		var page struct {
			Feeds []struct{ Name string }
			Items []struct{ ID string }
			Next  string
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			e.t.Fatal(err)
		}
		var names []string
		for _, f := range page.Feeds {
			names = append(names, f.Name)
		}
		for _, i := range page.Items {
			names = append(names, i.ID)
		}
		pages = append(pages, strings.Join(names, " "))
		target = ""
		if link := a.header.Get("Link"); link != "" {
			target = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
			if cursor := "cursor=" + page.Next; strings.Contains(target, "cursor=") != (page.Next != "") || page.Next != "" && !strings.Contains(target, cursor) {
				e.t.Fatalf("%s and %s", link, page.Next)
			}
		} else if page.Next != "" {
			e.t.Fatalf("%s without Link", page.Next)
		}
		if len(pages) > 50 {
			e.t.Fatal("no end of pages")
		}
	}
	return pages
}

func (e *edge) pagesAre(target, token string, want ...string) {
	e.t.Helper()
	if got := e.pages(target, token); strings.Join(got, "|") != strings.Join(want, "|") {
		e.t.Errorf("%s as %s: %q, want %q", target, token, got, want)
	}
}

func TestListFeeds(t *testing.T) {
	e := newEdge(t, nil)
	e.do("GET", "/v1/feeds", "", as("all")).is(200).says(`{"feeds":[]}`)
	for _, name := range []string{"a", "b", "team:353:x", "team:353:y", "team:354:z"} {
		e.feed(name, "")
	}
	e.store.feeds["b"].feed.Config.Type = thoonk.TypeJob

	e.pagesAre("/v1/feeds", "all", "a b team:353:x team:353:y team:354:z")
	e.pagesAre("/v1/feeds?limit=5", "all", "a b team:353:x team:353:y team:354:z")
	e.pagesAre("/v1/feeds?limit=2", "all", "a b", "team:353:x team:353:y", "team:354:z")
	e.pagesAre("/v1/feeds?limit=1&match=team:*", "all", "team:353:x", "team:353:y", "team:354:z")
	e.pagesAre("/v1/feeds?type=job", "all", "b")
	e.pagesAre("/v1/feeds?cursor=", "reader", "a b team:353:x team:353:y team:354:z")

	// Only what one may read.
	e.pagesAre("/v1/feeds?limit=1", "team", "team:353:x", "team:353:y")
	e.pagesAre("/v1/feeds?match=*z", "team", "")
	e.pagesAre("/v1/feeds", "nothing", "")
	e.pagesAre("/v1/feeds", "writer", "")

	e.do("GET", "/v1/feeds", "", nil).problem(401, "unauthenticated")
	e.auth.public = grants("a", auth.Publish)
	e.do("GET", "/v1/feeds", "", nil).problem(401, "unauthenticated")
	e.auth.public = grants("a", auth.Read)
	e.pagesAre("/v1/feeds", "", "a")
	e.do("GET", "/v1/feeds", "", as("bad")).problem(401, "unauthenticated")
}

func TestListFeedsFaults(t *testing.T) {
	e := newEdge(t, nil)
	for query, place := range map[string]string{
		"limit=0": "?limit", "limit=1001": "?limit", "limit=-1": "?limit", "limit=x": "?limit", "limit=": "?limit", "limit=1.0": "?limit",
		"limit=1&limit=1": "?limit", "type=": "?type", "type=Feed": "?type", "match=": "?match", "match=%00": "?match",
		"cursor=x": "?cursor", "Limit=1": "?Limit", "order=asc": "?order", "a=1&b=2": "?a", "x": "?x", "limit=%zz": "", "limit=1;match=a": "",
		"cursor=" + listOf("feeds", "x", "").cursor("a"):       "?cursor", // of another match
		"cursor=" + listOf("feeds", "", "").cursor("*"):        "?cursor", // forged
		"cursor=" + listOf("items", "f", "").cursor("a"):       "?cursor",
		"cursor=" + listOf("feeds", "", "").cursor("a") + "AA": "", // the same list, another place
	} {
		a := e.do("GET", "/v1/feeds?"+query, "", as("all"))
		if strings.HasSuffix(query, "AA") {
			a.faults(400, "invalid", "?cursor") // a NUL in the name
			continue
		}
		a.faults(400, "invalid", place)
	}
}

// Who may read few of very many feeds gets them without the store being asked without end.
func TestListFeedsBounded(t *testing.T) {
	e := newEdge(t, nil)
	e.auth.public = append(grants("x500", auth.Read), grants("y*5", auth.Read)...)
	for i := range 1500 {
		name := thoonk.FeedName(fmt.Sprintf("x%d", i))
		e.store.feeds[name] = &fakeFeed{feed: thoonk.Feed{Name: name}}
	}
	e.feed("y15", "")
	pages := e.pages("/v1/feeds?limit=1", "")
	if got := strings.Fields(strings.Join(pages, " ")); len(got) != 2 || got[0] != "x500" || got[1] != "y15" {
		t.Errorf("got %q", pages)
	}
	if len(e.store.scans) != 16 || e.store.scans[0].Limit != minScan {
		t.Errorf("%d scans", len(e.store.scans))
	}
	e.store.scans = nil
	e.pagesAre("/v1/feeds", "team", "")
	if len(e.store.scans) != 1 || e.store.scans[0].Match != "team:353:*" {
		t.Errorf("the store was asked %+v", e.store.scans)
	}
}
