package store_test

import (
	"testing"
	"time"
)

// stopwatch adds up how long the steps of a benchmark take.
type stopwatch struct {
	took [3]time.Duration
	err  error
}

func (s *stopwatch) lap(step int, do func() error) {
	begun := time.Now()
	if err := do(); err != nil {
		s.err = err
	}
	s.took[step] += time.Since(begun)
}

// report gives the microseconds of each step for one job.
func (s *stopwatch) report(b *testing.B, jobs int) {
	b.Helper()
	if s.err != nil {
		b.Fatal(s.err)
	}
	for i, unit := range []string{"submit-µs/job", "claim-µs/job", "finish-µs/job"} {
		b.ReportMetric(float64(s.took[i].Microseconds())/float64(b.N*jobs), unit)
	}
}
