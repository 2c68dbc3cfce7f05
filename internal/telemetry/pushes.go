package telemetry

import "github.com/prometheus/client_golang/prometheus"

func newPushes() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "thoonkd_job_pushes_total",
		Help: "Jobs that were pushed to a webhook, by what became of them: finish, cancel (to be tried again), stall, lost (the lease, or the outcome).",
	}, []string{"outcome"})
}

// ObservePush counts a job that was pushed. There are few outcomes: they are words of package push.
func (m *Metrics) ObservePush(outcome string) { m.pushes.WithLabelValues(outcome).Inc() }
