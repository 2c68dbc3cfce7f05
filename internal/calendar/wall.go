package calendar

import "time"

// wall returns what the clock of t's zone shows, as the time of a clock that is never changed.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// instant returns when the clock of a zone shows a time: the first time, if it does so twice, and the moment when it leaps over
// it, if it never does.
func instant(shown time.Time, zone *time.Location) time.Time {
	y, m, d := shown.Date()
	t := time.Date(y, m, d, shown.Hour(), shown.Minute(), shown.Second(), 0, zone) // either of two, or near a leap
	start, end := t.ZoneBounds()
	switch now := wall(t); {
	case now.After(shown):
		return start
	case now.Before(shown):
		return end
	}
	if start.IsZero() {
		return t
	}
	_, offset := t.Zone()
	_, before := start.Add(-time.Second).Zone()
	if back := time.Duration(before-offset) * time.Second; t.Sub(start) < back {
		return t.Add(-back)
	}
	return t
}
