package telemetry

import "github.com/prometheus/client_golang/prometheus"

func newJobs() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "thoonkd_jobs_total",
		Help: "Jobs by what was done with them through this process: submit, claim, finish, cancel, stall, lost (an end that was told with a lease that did not hold).",
	}, []string{"what"})
}

// CountJobs counts so many jobs with which the same was done.
func (m *Metrics) CountJobs(what string, n int) {
	if n > 0 {
		m.jobs.WithLabelValues(what).Add(float64(n))
	}
}
