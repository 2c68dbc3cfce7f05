package main

import (
	"strings"
	"testing"
)

func TestFeedCompletion(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	for _, name := range []string{"news", "new/s 100%", "other"} {
		p.feedOK("create", name)
	}
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{"get", "ne"}, "new/s 100%\nnews\n:4\n"},
		{[]string{"get", ""}, "new/s 100%\nnews\nother\n:4\n"},
		{[]string{"get", "news", ""}, ":4\n"},
		{[]string{"tail", "news", "o"}, "other\n:4\n"},
		{[]string{"tail", "n*"}, ":4\n"},
		{[]string{"create", ""}, ":4\n"},
		{[]string{"get", "--server", "127.0.0.1:1", ""}, ":4\n"},
		{[]string{"get", "--server", "::", ""}, ":4\n"},
		{[]string{"get", "--token", "x", ""}, ":4\n"},
		{[]string{"ls", "--output", ""}, "text\njson\n:4\n"},
		{[]string{"publish", "--as", ""}, "body\ntext\nxml\nbase64\n:4\n"},
	} {
		r := thoonkd(t, p.feedEnv(), append([]string{"__complete", "feed"}, test.words...)...)
		if r.code != 0 || r.stdout != test.want {
			t.Errorf("%q: %+v, want %q", test.words, r, test.want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := thoonkd(t, nil, "completion", shell); r.code != 0 || !strings.Contains(r.stdout, "thoonkd") {
			t.Errorf("%s: %+v", shell, r)
		}
	}
}
