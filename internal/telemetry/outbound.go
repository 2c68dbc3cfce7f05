package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func newOutbound() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "thoonkd_outbound_duration_seconds",
		Help:    "Requests to addresses that others named, by purpose and outcome: 2xx to 5xx, or why there was no answer.",
		Buckets: durationBuckets,
	}, []string{"purpose", "outcome"})
}

// ObserveOutbound counts a request of this process to somebody else. There are few purposes and outcomes: the former are
// words of who asks, the latter of package outbound.
func (m *Metrics) ObserveOutbound(purpose, outcome string, d time.Duration) {
	m.outbound.WithLabelValues(purpose, outcome).Observe(d.Seconds())
}
