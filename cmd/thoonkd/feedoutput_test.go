package main

import (
	"strings"
	"testing"
	"time"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"plain é 漢字 👩‍👧 'q' \"q\" \\": "plain é 漢字 👩‍👧 'q' \"q\" \\",
		"a\nb\tc\r":             `a\nb\tc\r`,
		"\x1b[2J\x00\x7f\u0085": `\x1b[2J\x00\x7f\u0085`,
		"\u202eevil\u2028":      `\u202eevil\u2028`,
	} {
		if got := oneLine(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		s    string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"漢字", 4, "漢字"}, {"漢字x", 4, "漢…"}, {"a漢字", 4, "a漢…"}, {"e\u0301e\u0301e", 3, "e\u0301e\u0301e"}, {"", 1, ""},
	} {
		if got := cut(test.s, test.most); got != test.want || columns(got) > test.most {
			t.Errorf("cut(%q, %d) = %q, want %q", test.s, test.most, got, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	table := table{out: &b, width: 20}
	table.add("ID", "BODY")
	table.add("漢", "short")
	table.add("abc", strings.Repeat("long", 10))
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	table.add("a", "b\n")
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	if want := "ID   BODY\n漢   short\nabc  longlonglonglo…\na    b\\n\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestShowAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 119 * time.Second: "119s", 2 * time.Minute: "2m", 3*time.Hour + time.Minute: "3h", 47 * time.Hour: "47h",
		48 * time.Hour: "2d", 800 * 24 * time.Hour: "2y",
	} {
		if got := showAge(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
