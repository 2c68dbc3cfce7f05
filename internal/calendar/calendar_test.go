package calendar_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/calendar"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func parse(t testing.TB, r thoonk.Recurrence) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDueTimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		about, cron, zone, from string
		want                    string // with the offset that the clock has then
	}{
		{"five fields", "30 6 * * 1-5", "", "2026-11-27T07:00Z", "11-30T06:30+00 12-01T06:30+00"},
		{"six fields", "*/20 0 0 1 1 *", "", "2026-11-27T07:00Z", "01-01T00:00+00 01-01T00:00+00 01-01T00:00+00 01-01T00:00+00"},
		{"either day suffices", "0 0 13 * 5", "", "2026-11-10T00:00Z", "11-13T00:00+00 11-20T00:00+00"},
		{"a leap day", "@yearly", "", "2026-11-10T00:00Z", "01-01T00:00+00 01-01T00:00+00"},
		{"daily, the clock is put forward", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "03-29T03:00+02 03-30T02:30+02"},
		{"at the very hour", "0 3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "03-29T03:00+02 03-30T03:00+02"},
		{"daily, the clock is put back", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "10-25T02:30+02 10-26T02:30+01"},
		{"named hours, put back", "15 2-3 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "10-25T02:15+02 10-25T03:15+01 10-26T02:15+01"},
		{"every half hour, put back", "*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45Z", "10-25T02:00+02 10-25T02:30+02 10-25T02:00+01 10-25T02:30+01 10-25T03:00+01"},
		{"every half hour, put forward", "*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15Z", "03-29T01:30+01 03-29T03:00+02"},
		{"half an hour only, put back", "45 1 * * *", "Australia/Lord_Howe", "2026-04-03T20:00Z", "04-05T01:45+11 04-06T01:45+10"},
		{"midnight is leapt over", "0 0 * * *", "America/Asuncion", "2023-09-30T12:00Z", "10-01T01:00-03 10-02T00:00-03"},
	} {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			c := parse(t, thoonk.Recurrence{Cron: test.cron, Zone: test.zone})
			at, err := time.Parse("2006-01-02T15:04Z07:00", test.from)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range strings.Fields(test.want) {
				at = c.First(at)
				got = append(got, at.Format("01-02T15:04-07"))
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestEvery(t *testing.T) {
	t.Parallel()
	start := time.UnixMilli(1_700_000_000_123)
	for _, r := range []thoonk.Recurrence{{Every: 90 * time.Second}, {Cron: "@every 1m30s"}} {
		c := parse(t, r)
		due := c.First(start.Add(400 * time.Microsecond))
		if !due.Equal(start.Add(90 * time.Second)) {
			t.Errorf("first at %v", due)
		}
		last, next := c.Missed(due, due.Add(90*time.Second*1e6+time.Second))
		if !last.Equal(due.Add(90*time.Second*1e6)) || !next.Equal(last.Add(90*time.Second)) {
			t.Errorf("after a million: %v, %v", last, next)
		}
	}
}

// Missed names what going on step by step arrives at.
func TestMissed(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, r := range []thoonk.Recurrence{
		{Cron: "30 2 * * *", Zone: "Europe/Berlin"}, {Cron: "*/30 * * * *", Zone: "Europe/Berlin"}, {Cron: "0 0 * * *", Zone: "America/Asuncion"},
		{Cron: "15,45 1-3 * * *", Zone: "Australia/Lord_Howe"}, {Cron: "0 12 * * 0", Zone: "America/New_York"}, {Cron: "*/7 30 2 * * *", Zone: "Europe/Berlin"},
		{Cron: "0 0 29 2 *"}, {Every: 7 * time.Hour},
	} {
		c := parse(t, r)
		for range 60 {
			due := c.First(time.Unix(1_767_225_600+random.Int64N(365*86400), 0)) // some time in 2026
			now := due.Add(time.Duration(random.Int64N(int64(20 * 24 * time.Hour))))
			wantLast, wantNext := due, due
			for !wantNext.After(now) {
				wantLast = wantNext
				if r.Every > 0 {
					wantNext = wantNext.Add(r.Every)
				} else {
					wantNext = c.First(wantLast)
				}
			}
			last, next := c.Missed(due, now)
			if !last.Equal(wantLast) || !next.Equal(wantNext) {
				t.Fatalf("%+v, due %v, at %v: %v and %v, want %v and %v", r, due, now, last, next, wantLast, wantNext)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for field, all := range map[string][]thoonk.Recurrence{
		"cron": {
			{}, {Cron: "* * * * *", Every: time.Minute}, {Cron: "0 0 30 2 *"}, {Cron: "0 0 31 4,6,9,11 *"}, {Cron: "x"}, {Cron: "60 * * * *"},
			{Cron: "* * * * * * *"}, {Cron: "TZ=Europe/Berlin 0 0 * * *"}, {Cron: "@every 10ms"}, {Cron: "@every x"}, {Cron: "@reboot"},
			{Cron: strings.Repeat("1,", 500) + "1 * * * *"},
		},
		"zone":  {{Cron: "* * * * *", Zone: "Europe/Atlantis"}, {Cron: "* * * * *", Zone: "Local"}, {Cron: "* * * * *", Zone: "../../etc/passwd"}, {Every: time.Minute, Zone: "UTC"}},
		"every": {{Every: -time.Minute}, {Every: time.Millisecond}, {Every: 100 * 365 * 24 * time.Hour}, {Every: time.Second + 1}},
	} {
		for _, r := range all {
			_, err := calendar.Parse(r)
			e, ok := errors.AsType[*thoonk.Error](err)
			if !ok || e.Kind != thoonk.Unprocessable || e.Field != field {
				t.Errorf("%+v: %v", r, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0 0 29 2 *", "@daily", "@every 1h", "*/5 1-3,7 L * MON#2", "CRON_TZ=UTC * * * * *", "? ? ? ? ?", "1/0 * * * *", "-1 * * * *", "5-1 * * * *"} {
		f.Add(seed, "Europe/Berlin", int64(1_790_000_000))
	}
	f.Fuzz(func(t *testing.T, text, zone string, at int64) {
		c, err := calendar.Parse(thoonk.Recurrence{Cron: text, Zone: zone})
		if err != nil {
			return
		}
		now := time.Unix(at%4_000_000_000, 0)
		due := c.First(now)
		if due.IsZero() {
			return
		}
		if !due.After(now) {
			t.Fatalf("%q after %v is due at %v", text, now, due)
		}
		last, next := c.Missed(due, due)
		if !last.Equal(due) || !next.IsZero() && !next.After(due) {
			t.Fatalf("%q at %v: %v and %v", text, due, last, next)
		}
	})
}

func BenchmarkNeverDue(b *testing.B) {
	for b.Loop() {
		if _, err := calendar.Parse(thoonk.Recurrence{Cron: "0 0 30 2 *"}); err == nil {
			b.Fatal("it is due")
		}
	}
}
