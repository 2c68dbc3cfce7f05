package thoonk

import "time"

// Bounds of schedules.
const (
	MaxSchedules    = 1000 // of one queue
	MaxScheduleName = 128  // bytes
)

// Recurrence says when a recurring job is due: by a cron expression in a time zone, or every so often. Exactly one of
// Cron and Every is given.
type Recurrence struct {
	Cron  string // five fields, or six with seconds in front; or @daily and its like, or @every 90s
	Every time.Duration
	Zone  string // of Cron, a name of the IANA database; empty: UTC
}

// Schedule puts a job into its queue whenever it is due, once, whatever the number of processes. A run that no process was
// there for is made up for: the last one of them only.
type Schedule struct {
	Queue FeedName
	Name  ItemID
	Recurrence
	Job    NewJob // of which ID, Delay, At, Unique and After are not used
	Alone  bool   // no run as long as the job of the one before is not over
	Paused bool   // nothing is due; later it goes on from then

	Owner string    // the principal that declared it; its jobs are submitted in that name
	Next  time.Time // zero: it is paused, or never comes again
	Last  ScheduleRun
	Runs  int64 // jobs put so far
}

// ScheduleRun is the last run of a [Schedule].
type ScheduleRun struct {
	Due   time.Time // zero: there was none yet
	Job   JobID     // empty: none was put
	Error string    // why none was put
}

// PutSchedule declares a schedule, new or in place of the one of that name. Where its recurrence stays the same, so does
// the time when it is due next.
type PutSchedule struct {
	Schedule Schedule
	Actor    string
}

// DeleteSchedule removes a schedule. The jobs that it put stay.
type DeleteSchedule struct {
	Queue FeedName
	Name  ItemID
	Actor string
}
