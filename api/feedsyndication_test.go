package api

import (
	"reflect"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestPatchSyndication(t *testing.T) {
	before := thoonk.Config{Type: thoonk.TypeFeed, Syndication: thoonk.Syndication{
		Title: "T", Language: "de", Author: thoonk.Author{Name: "A", URL: "https://e.org/a"}, Map: map[string]string{"title": "/t", "tags": "/g"},
	}}
	for body, want := range map[string]thoonk.Syndication{
		`{"syndication":null}`: {},
		`{"syndication":{"title":null,"link":"https://e.org/"}}`: {
			Language: "de", Link: "https://e.org/", Author: before.Syndication.Author, Map: before.Syndication.Map,
		},
		`{"syndication":{"author":{"url":null},"map":{"tags":null,"summary":"/s"}}}`: {
			Title: "T", Language: "de", Author: thoonk.Author{Name: "A"}, Map: map[string]string{"title": "/t", "summary": "/s"},
		},
		`{"syndication":{"author":null,"map":null}}`: {Title: "T", Language: "de"},
	} {
		got, err := configuredFeed(undeclaredHistory(before), []byte(body), true)
		if err != nil || !reflect.DeepEqual(got.Syndication, want) {
			t.Errorf("%s: %+v, %v", body, got.Syndication, err)
		}
		if len(before.Syndication.Map) != 2 {
			t.Fatal("the patch changed what it was applied to")
		}
	}
}

func TestSyndicationShown(t *testing.T) {
	e := newEdge(t, nil)
	e.do("PUT", "/v1/feeds/f", `{"syndication":{"title":"T","author":{"name":"A"},"map":{"title":"/t"}}}`, as("all")).is(201)
	e.do("GET", "/v1/feeds/f", "", as("all")).is(200).begins(`{"name":"f","type":"feed","max_length":0,"history":{"count":1000,"bytes":16777216},` +
		`"syndication":{"title":"T","author":{"name":"A"},"map":{"title":"/t"}}`)
}
