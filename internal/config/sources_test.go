package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func loadSources(t *testing.T, yaml string) (config.Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "thoonkd.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.Flags(flags)
	if err := flags.Parse([]string{"--config", file}); err != nil {
		t.Fatal(err)
	}
	return config.Load(flags, []string{"HOME=/home/of-nobody"})
}

func TestSources(t *testing.T) {
	t.Parallel()
	c, err := loadSources(t, `
sources:
  planet: {url: "https://planet.example.org/", feed: news}
  b: {kind: feed, url: "http://b.example/rss", feed: "a/b", min-interval: 5m, max-interval: 1h, hub: false, paused: true}
`)
	want := []thoonk.Source{
		{Name: "b", Kind: thoonk.WebFeed, URL: "http://b.example/rss", Feed: "a/b", Min: 5 * time.Minute, Max: time.Hour, NoHub: true, Paused: true, Config: true},
		{Name: "planet", Kind: thoonk.WebFeed, URL: "https://planet.example.org/", Feed: "news", Config: true},
	}
	if err != nil || !reflect.DeepEqual(c.Sources, want) {
		t.Errorf("%+v, %v", c.Sources, err)
	}
	if c, err := loadSources(t, "listen: 127.0.0.1:0"); err != nil || c.Sources != nil {
		t.Errorf("%+v, %v", c.Sources, err)
	}
}

func TestSourceErrors(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"sources: [a]":    "sources: a list",
		"sources: {a: x}": "sources.a in",
		`sources: {"a*": {url: "https://e.org/", feed: f}}`:                 "feed name contains",
		"sources: {a: {feed: f}}":                                           "needs the url",
		`sources: {a: {url: "https://e.org/"}}`:                             "needs a feed",
		`sources: {a: {url: "ftp://e.org/", feed: f}}`:                      "not an http",
		`sources: {a: {url: "https://e.org/", feed: f, hub: yes!}}`:         "hub: a text, where true or false belongs",
		`sources: {a: {url: "https://e.org/", feed: f, every: 5m}}`:         "every: unknown",
		`sources: {a: {url: "https://e.org/", feed: f, kind: gopher}}`:      "kind is feed",
		`sources: {a: {url: "https://e.org/", feed: f, min-interval: 5}}`:   "min-interval: a whole number, where a text belongs",
		`sources: {a: {url: "https://e.org/", feed: f, min-interval: 1x}}`:  "min-interval: time:",
		`sources: {a: {url: "https://e.org/", feed: f, min-interval: 1ns}}`: "not a duration from",
	} {
		if _, err := loadSources(t, yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}
