// Package calendar says when a recurring job is due: by a cron expression in a time zone, or every so often.
package calendar

import (
	"strings"
	"time"
	_ "time/tzdata" // the zones of IANA, for machines that have none

	cron "github.com/netresearch/go-cron"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Bounds of what recurs.
const (
	Shortest = time.Second
	Longest  = 10 * 365 * 24 * time.Hour
	maxText  = 256 // bytes of an expression or of the name of a zone
)

// Calendar is when something is due. It is safe for concurrent use.
type Calendar struct {
	every time.Duration
	spec  *cron.SpecSchedule // where every is 0
	zone  *time.Location
	// fixed says that the expression names hours. It is then looked up by what the clock shows, see wall.go; one that
	// holds for every hour goes on while the clock is changed.
	fixed bool
}

// parser takes five fields, or six with seconds in front, and @daily and its like. Where both the day of the month and
// the day of the week are given, one of them suffices, as with every cron.
var parser = cron.MustNewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor | cron.DowOrDom).
	WithMaxSearchYears(10).WithMinEveryInterval(Shortest)

// Parse returns the calendar of a [thoonk.Recurrence]. Errors: Unprocessable, naming the field, for what cannot be
// understood or is never due.
func Parse(r thoonk.Recurrence) (*Calendar, error) {
	switch {
	case (r.Cron == "") == (r.Every == 0):
		return nil, thoonk.E(thoonk.Unprocessable, "one of cron and every is needed").In("cron")
	case r.Every != 0:
		if r.Zone != "" {
			return nil, thoonk.E(thoonk.Unprocessable, "a time zone has a meaning with cron only").In("zone")
		}
		return parseEvery(r.Every, "every")
	}
	zone, err := parseZone(r.Zone)
	if err != nil {
		return nil, err
	}
	return parseCron(r.Cron, zone)
}

func parseEvery(every time.Duration, field string) (*Calendar, error) {
	if every < Shortest || every > Longest || every%time.Millisecond != 0 {
		return nil, thoonk.E(thoonk.Unprocessable, "a period is %v to ten years, in whole milliseconds", Shortest).In(field)
	}
	return &Calendar{every: every}, nil
}

func parseZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || len(name) > maxText {
		return nil, thoonk.E(thoonk.Unprocessable, "no such time zone; a name is one of the IANA database, as Europe/Berlin").In("zone")
	}
	return zone, nil
}

func parseCron(text string, zone *time.Location) (*Calendar, error) {
	if len(text) > maxText || strings.Contains(text, "TZ=") {
		return nil, thoonk.E(thoonk.Unprocessable, "a cron expression has at most %d bytes, and its time zone in a field of its own", maxText).In("cron")
	}
	if period, ok := strings.CutPrefix(strings.TrimSpace(text), "@every "); ok {
		every, err := time.ParseDuration(strings.TrimSpace(period))
		if err != nil {
			return nil, thoonk.E(thoonk.Unprocessable, "@every wants a period, as 1h30m").In("cron")
		}
		return parseEvery(every, "cron")
	}
	schedule, err := parser.Parse(text)
	spec, ok := schedule.(*cron.SpecSchedule)
	if err != nil || !ok {
		return nil, thoonk.E(thoonk.Unprocessable, "cannot be read: five fields (minute, hour, day of the month, month, day of the week), a sixth in front for seconds, or @daily and its like").
			In("cron").Because(err)
	}
	const allHours = 1<<24 - 1
	c := &Calendar{spec: spec, zone: zone, fixed: spec.Hour&allHours != allHours}
	spec.Location = zone
	if c.fixed {
		spec.Location = time.UTC
	}
	if c.First(time.Now()).IsZero() {
		return nil, thoonk.E(thoonk.Unprocessable, "never comes: no date in the next ten years fits").In("cron")
	}
	return c, nil
}

// First returns the first time that it is due after now, zero if there is none.
func (c *Calendar) First(now time.Time) time.Time {
	if c.every > 0 {
		return now.Add(c.every).Truncate(time.Millisecond)
	}
	return c.after(now)
}

// Missed returns, for a due time that has come, the last one up to now, and the one after that, zero if there is none.
func (c *Calendar) Missed(due, now time.Time) (last, next time.Time) {
	if c.every > 0 {
		last = due.Add(now.Sub(due) - now.Sub(due)%c.every)
		return last, last.Add(c.every)
	}
	if last = c.before(now); last.Before(due) {
		last = due
	}
	for {
		next = c.after(last)
		if next.IsZero() || next.After(now) {
			return last, next
		}
		last = next
	}
}

func (c *Calendar) after(t time.Time) time.Time {
	if !c.fixed {
		return c.spec.Next(t.In(c.zone))
	}
	for shown := wall(t.In(c.zone)); ; {
		shown = c.spec.Next(shown)
		if shown.IsZero() {
			return shown
		}
		if due := instant(shown, c.zone); due.After(t) {
			return due
		}
	}
}

// before returns a time up to now when it was due, not necessarily the last one: to go on from there is not far.
func (c *Calendar) before(now time.Time) time.Time {
	if !c.fixed {
		return c.spec.Prev(now.In(c.zone))
	}
	return instant(c.spec.Prev(wall(now.In(c.zone))), c.zone)
}
