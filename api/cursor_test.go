package api

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestCursor(t *testing.T) {
	list := listOf("items", "f", "asc")
	got, err := list.after(list.cursor("12.5 x"))
	if err != nil || got != "12.5 x" {
		t.Fatalf("%q, %v", got, err)
	}
	good := list.cursor("x")
	for name, cursor := range map[string]string{
		"another list":    listOf("items", "f", "desc").cursor("x"),
		"shifted parts":   listOf("items", "fa", "sc").cursor("x"),
		"nothing":         "",
		"no base64":       "%%",
		"padding":         good + "=",
		"line break":      good[:4] + "\n" + good[4:],
		"cut":             good[:6],
		"without a place": list.cursor(""),
		"another version": base64.RawURLEncoding.EncodeToString([]byte("\x02" + list.head()[1:] + "x")),
		"long":            list.cursor(strings.Repeat("x", 4096)),
	} {
		if after, err := list.after(cursor); err == nil {
			t.Errorf("%s: took it as %q", name, after)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("feeds", "a", "b")
	f.Add("", "AQ", "\x00")
	f.Fuzz(func(t *testing.T, name, cursor, after string) {
		list := listOf(name, "x")
		if got, err := list.after(cursor); err == nil && list.cursor(got) != cursor {
			t.Fatalf("%q is taken for %q", cursor, list.cursor(got))
		}
		if after == "" || len(after) > 1000 {
			return
		}
		if got, err := list.after(list.cursor(after)); err != nil || got != after {
			t.Fatalf("%q, %v", got, err)
		}
		if got, err := listOf(name, "y").after(list.cursor(after)); err == nil {
			t.Fatalf("another list took it: %q", got)
		}
	})
}
