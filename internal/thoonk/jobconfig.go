package thoonk

import "time"

// Bounds and defaults of jobs and queues.
const (
	MaxJobPayload  = 1 << 20  // bytes of one payload
	MaxJobResult   = 1 << 20  // bytes of one result
	MaxJobError    = 4 << 10  // bytes of an error's text; a longer one is cut
	MaxJobProgress = 4 << 10  // bytes
	MaxJobKey      = 256      // bytes of a unique key or a group
	MaxAfter       = 100      // jobs that one waits for
	MaxClaim       = MaxBatch // jobs of one claim
	MaxHold        = 10 * 365 * 24 * time.Hour
	MinLease       = 100 * time.Millisecond

	DefaultLease        = 30 * time.Second
	DefaultMaxLease     = time.Hour
	DefaultForeignLease = 10 * time.Minute
	DefaultMaxAttempts  = 10
	DefaultKeepResults  = 24 * time.Hour
	DefaultResultCount  = 10_000
)

// JobConfig is what a queue of type job or queue declares beyond the contract, in further fields of feed.config. Zero values
// stand for the defaults. Of a queue of type queue only Lease, MaxLease, Paused and Events count.
type JobConfig struct {
	Lease        time.Duration // of a claim that asks for none; 0: DefaultLease
	MaxLease     time.Duration // a longer one is refused; 0: DefaultMaxLease
	ForeignLease time.Duration // other clients' claims are given back so long after they were seen; 0: DefaultForeignLease
	MaxAttempts  int           // then the job is stalled; 0: DefaultMaxAttempts; negative: no bound
	Backoff      Backoff       // between a cancel and the next attempt
	Paused       bool          // claims get nothing; submits succeed
	Rate         Rate          // of claims
	Running      int           // jobs claimed at once at most, by whomever; 0: no bound
	GroupRate    Rate          // of claims of one group
	GroupRunning int           // jobs of one group claimed at once at most; 0: no bound
	Results      ResultBounds
	Events       JobEvents
}

// Backoff is the time before the next attempt of a job that was given back: First after the first failure, Factor times as
// long after each further one, at most Max, and shorter by up to the fraction Jitter at random. The zero value is no wait.
type Backoff struct {
	First  time.Duration
	Factor float64 // at least 1; 0: 2
	Max    time.Duration
	Jitter float64 // 0 to 1
}

// Rate is at most Count in each Per, of which Count may come at once. The zero value is no bound.
type Rate struct {
	Count int
	Per   time.Duration // 0: a second
}

// ResultBounds say how much is kept of jobs that are over.
type ResultBounds struct {
	Keep  time.Duration // 0: DefaultKeepResults; negative: ten seconds, for those who wait
	Count int           // of the newest; 0: DefaultResultCount
}

// JobEvents says which changes of jobs are told in the log and the history.
type JobEvents string

// The choices of [JobEvents].
const (
	AllJobEvents     JobEvents = ""        // all
	StalledJobEvents JobEvents = "stalled" // only that a job was stalled
	NoJobEvents      JobEvents = "none"
)

// ParseJobEvents returns s as a choice of events, or an [Invalid] error. "all" stands for AllJobEvents.
func ParseJobEvents(s string) (JobEvents, error) {
	switch e := JobEvents(s); e {
	case "all":
		return AllJobEvents, nil
	case AllJobEvents, StalledJobEvents, NoJobEvents:
		return e, nil
	}
	return "", E(Invalid, "events is one of all, stalled and none")
}

// Check returns nil if the declaration makes sense, and an [Invalid] error that names the field otherwise.
func (c JobConfig) Check() error {
	switch {
	case c.MaxLease < 0 || c.MaxLease > 30*24*time.Hour:
		return E(Invalid, "a lease lasts at most 30 days").In("max_lease")
	case c.Lease != 0 && (c.Lease < MinLease || c.Lease > c.maxLease()):
		return E(Invalid, "the lease is %v to max_lease, which is %v", MinLease, c.maxLease()).In("lease")
	case c.ForeignLease != 0 && c.ForeignLease < MinLease:
		return E(Invalid, "at least %v", MinLease).In("foreign_lease")
	case c.MaxAttempts > 1_000_000:
		return E(Invalid, "at most 1000000").In("max_attempts")
	case c.Running < 0:
		return E(Invalid, "not negative").In("concurrency")
	case c.GroupRunning < 0:
		return E(Invalid, "not negative").In("group_concurrency")
	case c.Results.Count < 0 || c.Results.Count > 1_000_000:
		return E(Invalid, "0 to 1000000").In("results")
	case c.Results.Keep > 365*24*time.Hour:
		return E(Invalid, "at most a year").In("results")
	}
	if _, err := ParseJobEvents(string(c.Events)); err != nil {
		return E(Invalid, "one of all, stalled and none").In("events")
	}
	if err := c.Backoff.check(); err != nil {
		return err
	}
	if err := c.Rate.check("rate"); err != nil {
		return err
	}
	return c.GroupRate.check("group_rate")
}

func (c JobConfig) maxLease() time.Duration {
	if c.MaxLease == 0 {
		return DefaultMaxLease
	}
	return c.MaxLease
}

func (b Backoff) check() error {
	switch {
	case b.First < 0 || b.First > MaxHold || b.Max < 0 || b.Max > MaxHold:
		return E(Invalid, "a time is 0 to ten years").In("backoff")
	case b.Factor != 0 && !(b.Factor >= 1 && b.Factor <= 100):
		return E(Invalid, "the factor is 1 to 100").In("backoff")
	case !(b.Jitter >= 0 && b.Jitter <= 1):
		return E(Invalid, "the jitter is 0 to 1").In("backoff")
	}
	return nil
}

func (r Rate) check(field string) error {
	if r.Count < 0 || r.Count > 1_000_000 || r.Per < 0 || r.Per > 30*24*time.Hour {
		return E(Invalid, "a count up to 1000000 in each time of up to 30 days").In(field)
	}
	return nil
}
