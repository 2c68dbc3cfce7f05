package api

import (
	"slices"
	"strings"
	"testing"
)

func TestParseTags(t *testing.T) {
	for line, want := range map[string]tagList{
		`*`:                        {any: true},
		` * `:                      {any: true},
		`"1-2"`:                    {tags: []tag{{"1-2", false}}},
		`W/"1-2"`:                  {tags: []tag{{"1-2", true}}},
		`"a,b" ,, W/"c",`:          {tags: []tag{{"a,b", false}, {"c", true}}},
		`"",""`:                    {tags: []tag{{"", false}, {"", false}}},
		"\"\xc3\xa4\"\t,\t\"x\\\"": {tags: []tag{{"ä", false}, {`x\`, false}}},
	} {
		got, err := parseTags([]string{line})
		if err != nil || got.any != want.any || !slices.Equal(got.tags, want.tags) {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
	for _, line := range []string{
		``, ` `, `,`, `1-2`, `"1-2`, `1-2"`, `w/"x"`, `W/`, `W/ "x"`, `"a" "b"`, `*, "a"`, `"a", *`, `**`, `"a b"`, "\"\x7f\"",
		strings.Repeat(`"x",`, maxTags+1),
	} {
		if got, err := parseTags([]string{line}); err == nil {
			t.Errorf("%s: %+v", line, got)
		}
	}
	if got, err := parseTags([]string{`"a"`, `"b"`}); err != nil || len(got.tags) != 2 {
		t.Errorf("two lines: %+v, %v", got, err)
	}
	if got, err := parseTags(nil); err != nil || got.any || got.tags != nil {
		t.Errorf("none: %+v, %v", got, err)
	}
}

// What is parsed, written again and parsed again is the same.
func FuzzParseTags(f *testing.F) {
	for _, s := range []string{`*`, `"1-2", W/"3-4"`, `"a,b",,"c"`, `W/"`, `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		l, err := parseTags([]string{line})
		if err != nil || l.any {
			return
		}
		if len(l.tags) == 0 || len(l.tags) > maxTags {
			t.Fatalf("%d tags", len(l.tags))
		}
		var again []string
		for _, tag := range l.tags {
			s := `"` + tag.opaque + `"`
			if tag.weak {
				s = "W/" + s
			}
			again = append(again, s)
		}
		l2, err := parseTags([]string{strings.Join(again, ", ")})
		if err != nil || !slices.Equal(l.tags, l2.tags) {
			t.Fatalf("%q: %+v, %+v, %v", line, l, l2, err)
		}
	})
}
