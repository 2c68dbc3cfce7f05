package store

import (
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Whatever is written into a record or a run comes out of it again, and whatever stands there breaks nothing.
func FuzzJobText(f *testing.F) {
	for _, s := range []string{"", "a", "a\nb", "100%", "%0A", "%25", "\x00", "jwt:https://a|b"} {
		f.Add(s, "oa\nu"+s, "finished\n1\nt\n1\n+\no\nw\n"+s)
	}
	f.Fuzz(func(t *testing.T, s, record, outcome string) {
		if got := unescape(escape(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
		j := thoonk.NewJob{Unique: "u", Group: "g", High: true, MaxAttempts: 7}
		fields := parseRecord(newRecord(j, s))
		if fields['o'] != s || fields['u'] != "u" || fields['g'] != "g" || fields['m'] != "7" {
			t.Errorf("the record of %q is %q", s, fields)
		}
		var read thoonk.Job
		noteRecord(&read, newRecord(thoonk.NewJob{}, s))
		if read.Submitter != s {
			t.Errorf("the submitter %q is read as %q", s, read.Submitter)
		}
		noteRecord(&read, record)
		noteOutcome(&read, outcome)
		events := parseEvents(map[string]any{"run": "2", "ids": escape(s) + "\nb", "owner": escape(s) + "\n", "kind": "claim"})
		if len(events) != 2 || events[0].Submitter != s || events[1].Submitter != "" {
			t.Errorf("the run of %q is %+v", s, events)
		}
	})
}
