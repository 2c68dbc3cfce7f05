package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// like reports whether text matches a pattern in which REV is a revision, TIME a time, and a space any number of them.
func like(text, pattern string) bool {
	pattern = strings.NewReplacer(" ", " +", "REVISION", "REVISION", "REV", `\d+-\d{16}`, "TIME", `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`).Replace(pattern)
	return regexp.MustCompile("^" + pattern + "$").MatchString(text)
}

// A newcomer's first steps, with nothing but the server's address: the key is where serve has made it.
func TestFeedFirstSteps(t *testing.T) {
	t.Parallel()
	thoonktest.NeedRedis(t)
	data := t.TempDir()
	p := serveReady(t, "--data", data, "--auth-key", "")
	for _, step := range []struct{ command, want string }{
		{"create news --max-length 10", "news 1-\\d+\n"},
		{"publish news hello --text Hello", "hello REV\n"},
		{"edit news hello --body 1", "hello REV\n"},
		{"publish news --xml <a/>", "[0-9a-f]{32} REV\n"},
		{"retract news hello", ""},
		{"ls", "NAME TYPE CONTENT REVISION AGE\nnews feed - REV \\d+s\n"},
		{"get news --reverse --limit 1", "ID UPDATED REVISION BODY\n[0-9a-f]{32} TIME REV <a/>\n"},
		{"delete news --yes", ""},
		{"ls", "NAME TYPE CONTENT REVISION AGE\n"},
	} {
		args := append([]string{"feed", "--data", data, "--server", p.url}, strings.Fields(step.command)...)
		if r := thoonkd(t, nil, args...); r.code != 0 || r.stderr != "" || !like(r.stdout, step.want) {
			t.Fatalf("%s: %+v, want %s", step.command, r, step.want)
		}
	}
}

// Everything that a shell and a path could trip over.
func TestFeedNames(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	for _, name := range []string{"a/b", "a b", "100%", "a%2Fb", "a%252Fb", "..a", "é 漢字", "team:353:member", "-dash", "a?b#c", `q"uo'te`, "a+b&c"} {
		p.feedOK("create", "--", name)
		for _, id := range []string{name, "..", "."} {
			if got := p.feedOK("publish", "--text", "body of "+id, "--", name, id); !strings.HasPrefix(got, id+" ") {
				t.Errorf("%q: %q", id, got)
			}
			if got := p.feedOK("get", "--raw", "--", name, id); got != "body of "+id {
				t.Errorf("%q in %q: %q", id, name, got)
			}
			p.feedOK("edit", "--text", "2", "--", name, id)
		}
		p.feedOK("retract", "--", name, "..")
		if got := p.feedOK("get", "--", name); strings.Count(got, "\n") != 3 || !strings.Contains(got, "\n"+name+" ") {
			t.Errorf("%q: %s", name, got)
		}
		if got := p.feedOK("ls", "--output", "json", "--", name); !strings.Contains(got, `"name":`+jsonString(t, name)+`,`) {
			t.Errorf("%q: %s", name, got)
		}
		p.feedOK("delete", "--yes", "--", name)
	}
}

func jsonString(t *testing.T, s string) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// Bodies of every form pass byte for byte, from a file and from the standard input.
func TestFeedBodies(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "a")
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	for name, test := range map[string]struct{ data, member string }{
		"binary":  {string(binary), "base64"},
		"json":    {"{ \"a\" :\t1.0,\r\n\"b\":\"\\u00e9<\"}", "body"},
		"null":    {"null", "body"},
		"text":    {"Grüße,\n\x00\x1b[2J\u2028 und <mehr>\n", "text"},
		"nothing": {"", "text"},
		"long":    {strings.Repeat("0123456789", 70_000) + "!", "text"},
	} {
		file := filepath.Join(t.TempDir(), "body")
		if err := os.WriteFile(file, []byte(test.data), 0o600); err != nil {
			t.Fatal(err)
		}
		p.feedOK("publish", "a", name, "--file", file)
		if got := p.feedOK("get", "a", name, "--raw"); got != test.data {
			t.Errorf("%s from a file: %q", name, got)
		}
		for _, args := range [][]string{{"publish", "a", name}, {"edit", "a", name, "--file", "-"}} {
			p.feedReading(strings.NewReader(test.data), args...)
			if got := p.feedOK("get", "a", name, "--raw"); got != test.data {
				t.Errorf("%s from the standard input: %q", name, got)
			}
		}
		if got := p.feedOK("get", "a", name, "--output", "json"); !strings.Contains(got, `"`+test.member+`":`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for form, data := range map[string]string{"xml": "<a>é</a>", "text": "[1]", "base64": "plain"} {
		p.feedReading(strings.NewReader(data), "publish", "a", "as", "--as", form)
		if got := p.feedOK("get", "a", "as", "--raw"); got != data {
			t.Errorf("as %s: %q", form, got)
		}
	}
}

// The documents of the API are passed on as they are.
func TestFeedJSON(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "a", "--content", "json", "--history-count", "50", "--history-bytes", "2048")
	p.feedOK("create", "b", "--output", "json")
	p.feedOK("publish", "a", "1", "--body", `{ "n" : 1.0 }`)
	p.feedOK("publish", "a", "2", "--body", "2")
	for _, test := range []struct{ command, want string }{
		{"ls a", `\{"feeds":\[\{"name":"a","type":"feed","max_length":0,"content":"json","history":\{"count":50,"bytes":2048\},"revision":"REV","created":"[^"]+"\}\]\}`},
		{"ls", `\{"feeds":\[\{"name":"a",[^\n]+\},\{"name":"b",[^\n]+\}\]\}`},
		{"ls none", `\{"feeds":\[\]\}`},
		{"ls --type queue", `\{"feeds":\[\]\}`},
		{"get a 1", `\{"id":"1","revision":"REV",[^\n]+"body":\{ "n" : 1.0 \}\}`},
		{"get a", `\{"items":\[\{"id":"1",[^\n]+"body":\{ "n" : 1.0 \}\},\{"id":"2",[^\n]+"body":2\}\]\}`},
		{"get a 2 1", `\{"items":\[\{"id":"2",[^\n]+\},\{"id":"1",[^\n]+\}\]\}`},
		{"get b", `\{"items":\[\]\}`},
		{"publish a 2 --body 3", `\{"feed":"a","id":"2","revision":"REV",[^\n]+\}`},
		{"retract a 2", ""},
	} {
		got := p.feedOK(append(strings.Fields(test.command), "--output", "json")...)
		if test.want != "" {
			test.want += "\n"
		}
		if !regexp.MustCompile("^" + strings.ReplaceAll(test.want, "REV", `\d+-\d+`) + "$").MatchString(got) {
			t.Errorf("%s: %s, want %s", test.command, got, test.want)
		}
	}
}

// More than a page of either.
func TestFeedPages(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	p := serveReady(t, "--redis", server.URL())
	p.feedOK("create", "many")
	other := thoonktest.NewForeign(t, server.Client())
	const items = 2*getPage + 5
	for i := range items {
		other.Publish("many", string(rune('a'+i%26))+strings.Repeat("x", i/26), "body")
	}
	for limit, want := range map[string]int{"0": items, "1": 1, "100": 100, "101": 101, "9999": items} {
		if got := p.feedOK("get", "many", "--limit", limit); strings.Count(got, "\n") != want+1 || strings.Count(got, "REVISION") != 1 {
			t.Errorf("limit %s: %s", limit, got)
		}
		var page struct{ Items []struct{ ID string } }
		if err := json.Unmarshal([]byte(p.feedOK("get", "many", "--limit", limit, "--output", "json", "--reverse")), &page); err != nil || len(page.Items) != want {
			t.Errorf("limit %s: %d items, %v", limit, len(page.Items), err)
		}
	}
}

func TestFeedPreconditionsAndExitCodes(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "a", "--content", "json")
	_, first, _ := strings.Cut(strings.TrimSpace(p.feedOK("publish", "a", "x", "--body", "1", "--if-none-match")), " ")
	p.feedFails(4, "(HTTP 412 Precondition Failed)", "publish", "a", "x", "--body", "2", "--if-none-match")
	_, second, _ := strings.Cut(strings.TrimSpace(p.feedOK("edit", "a", "x", "--body", "2", "--if-match", `"`+first+`"`)), " ")
	p.feedFails(4, second, "edit", "a", "x", "--body", "3", "--if-match", first)
	p.feedFails(4, second, "retract", "a", "x", "--if-match", first)
	p.feedOK("retract", "a", "x", "--if-match", second)

	p.feedFails(4, "HTTP 412", "create", "a")
	p.feedFails(4, "HTTP 412", "edit", "a", "x", "--body", "3")
	p.feedFails(3, "HTTP 404", "retract", "a", "x")
	p.feedFails(3, "HTTP 404", "get", "a", "x")
	p.feedFails(3, "HTTP 404", "get", "a", "x", "--output", "json")
	p.feedFails(3, "HTTP 404", "get", "none")
	p.feedFails(3, "HTTP 404", "tail", "none")
	p.feedFails(3, "HTTP 404", "delete", "none", "--yes")
	p.feedFails(1, "HTTP 422", "publish", "a", "x", "--text", "no JSON")
	p.feedFails(1, "#/history/bytes: ", "create", "b", "--history-bytes", "5")
	p.feedFails(1, "HTTP 400", "tail", "a", "--since", "x")

	p.feedFails(1, "give --yes", "delete", "a")
	p.feedFails(1, "--body: not valid JSON", "publish", "a", "--body", "{")
	p.feedFails(1, "the input: ", "publish", "a", "--as", "xml", "--file", writeFile(t, "no xml"))
	p.feedFails(1, "written as body, text", "publish", "a", "--as", "yaml", "--file", writeFile(t, ""))
	p.feedFails(1, "no such file", "publish", "a", "--file", writeFile(t, "")+".not")
	p.feedFails(1, "none of the others can be", "publish", "a", "--body", "1", "--text", "2")
	p.feedFails(1, "none of the others can be", "publish", "a", "--first", "--last", "--text", "2")
	p.feedFails(1, "at least one of the flags", "mv", "a", "x")
	p.feedFails(1, "number-stamp", "edit", "a", "x", "--body", "1", "--if-match", "5")
	p.feedFails(1, "control character", "get", "a\x00")
	p.feedFails(1, `contains "*"`, "get", "a*")
	p.feedFails(1, "is empty", "get", "a", "")
	p.feedFails(1, "--raw needs", "get", "a", "--raw")
	p.feedFails(1, `--output "yaml"`, "ls", "--output", "yaml")
	p.feedFails(1, "unknown command", "rm")
	p.feedFails(1, "URL of a server", "ls", "--server", "ftp://x")
	p.feedFails(5, "connection refused", "ls", "--server", "127.0.0.1:1")
	p.feedFails(5, "connection refused", "tail", "a", "--server", "127.0.0.1:1")
}

func TestFeedTokens(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "a")
	reader := p.token("a=read")
	file := writeFile(t, reader+"\n")
	server := "THOONKD_SERVER=" + p.url
	for name, test := range map[string]struct {
		env  []string
		args []string
	}{
		"flag":            {nil, []string{"--token", reader}},
		"file":            {nil, []string{"--token-file", file}},
		"environment":     {[]string{"THOONKD_TOKEN=" + reader}, nil},
		"flag wins":       {[]string{"THOONKD_TOKEN=x"}, []string{"--token", reader}},
		"file wins":       {[]string{"THOONKD_TOKEN=x"}, []string{"--token-file", file}},
		"over the key":    {[]string{"THOONKD_TOKEN=" + reader, "THOONKD_AUTH_KEY=" + p.key}, nil},
		"never the key":   {[]string{"THOONKD_TOKEN=" + reader, "THOONKD_NO_SETTING=1"}, nil},
		"by a file's key": {nil, []string{"--config", writeFile(t, "auth-key: "+p.key)}},
	} {
		r := thoonkd(t, append([]string{server}, test.env...), append([]string{"feed", "get", "a"}, test.args...)...)
		if r.code != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for name, test := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"no right":        {[]string{"THOONKD_TOKEN=" + reader}, []string{"publish", "a", "--text", "x"}, "(HTTP 403 Forbidden)\n"},
		"nobody":          {nil, []string{"get", "a"}, "(HTTP 401 Unauthorized): give --token, --token-file or THOONKD_TOKEN; no key to sign with: "},
		"a bad token":     {[]string{"THOONKD_TOKEN=x"}, []string{"get", "a"}, "(HTTP 401 Unauthorized)\n"},
		"another key":     {[]string{"THOONKD_AUTH_KEY=" + writeFile(t, strings.Repeat("x", 32))}, []string{"get", "a"}, "which may not be the server's key\n"},
		"a short key":     {[]string{"THOONKD_AUTH_KEY=" + writeFile(t, "x")}, []string{"get", "a"}, "at least 32"},
		"a bad setting":   {[]string{"THOONKD_NO_SETTING=1"}, []string{"get", "a"}, "THOONKD_NO_SETTING"},
		"no file":         {nil, []string{"get", "a", "--token-file", file + ".not"}, "no such file"},
		"token and file":  {nil, []string{"get", "a", "--token", "x", "--token-file", file}, "none of the others can be"},
		"a strange token": {nil, []string{"get", "a", "--token", "x\ny"}, "invalid header field value"},
	} {
		r := thoonkd(t, append([]string{server}, test.env...), append([]string{"feed"}, test.args...)...)
		if r.code != 1 && r.code != 5 || r.stdout != "" || !strings.Contains(r.stderr, test.want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: %+v, want %q", name, r, test.want)
		}
	}
}

// The variables of the client disturb no other command.
func TestFeedEnvironment(t *testing.T) {
	t.Parallel()
	if r := thoonkd(t, []string{"THOONKD_SERVER=x", "THOONKD_TOKEN=y"}, "config", "check"); r.code != 0 {
		t.Errorf("%+v", r)
	}
}

func TestFeedSorted(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "s", "--type", "sorted_feed")
	p.feedOK("publish", "s", "b", "--text", "2")
	p.feedOK("publish", "s", "a", "--text", "1", "--first")
	p.feedOK("publish", "s", "d", "--text", "4", "--last")
	p.feedOK("publish", "s", "c", "--text", "3", "--before", "d")
	p.feedOK("publish", "s", "bb", "--text", "2½", "--after", "b")
	order := func() string {
		var ids []string
		for line := range strings.Lines(p.feedOK("get", "s")) {
			ids = append(ids, strings.Fields(line)[0])
		}
		return strings.Join(ids[1:], " ")
	}
	if got := order(); got != "a b bb c d" {
		t.Error(got)
	}
	if got := p.feedOK("mv", "s", "d", "--first"); !like(got, "d REV\n") {
		t.Error(got)
	}
	_, revision, _ := strings.Cut(strings.TrimSpace(p.feedOK("mv", "s", "a", "--last")), " ")
	p.feedOK("mv", "s", "bb", "--before", "b")
	p.feedOK("mv", "s", "a", "--after", "d", "--if-match", revision)
	if got := order(); got != "d a bb b c" {
		t.Error(got)
	}
	p.feedFails(4, "HTTP 412", "mv", "s", "a", "--last", "--if-match", revision)
	p.feedFails(3, "HTTP 404", "mv", "s", "x", "--last")
	p.feedFails(3, "HTTP 404", "mv", "s", "a", "--before", "x")
	p.feedOK("create", "plain")
	p.feedFails(1, "HTTP 409", "publish", "plain", "x", "--text", "1", "--first")
}
