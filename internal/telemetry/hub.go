package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Hub is what the hub has to do. It is the same whichever process is asked.
type Hub struct {
	Subscriptions int64
	Due           int64         // with something to deliver now, and waiting for a worker
	Later         int64         // that wait for a retry
	Taken         int64         // under way
	Intents       int64         // requests that wait for their callbacks
	Lapsing       int64         // that end within a day
	Lag           time.Duration // how long the first of those that are due has waited
}

// hubCollector asks once a scrape. If Redis does not answer there are no figures.
type hubCollector func(context.Context) (Hub, error)

var (
	hubSubscriptions = hubDesc("subscriptions", "Subscriptions of the hub.")
	hubBacklog       = hubDesc("backlog", "Subscriptions with something to deliver: due (waiting for a worker), retry (waiting for the next attempt), delivering.", "state")
	hubIntents       = hubDesc("verifications_pending", "Requests whose callback has still to be asked.")
	hubLapsing       = hubDesc("leases_lapsing", "Subscriptions whose lease ends within a day.")
	hubLag           = hubDesc("lag_seconds", "How long the subscription has waited that is due the longest.")
)

func hubDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("thoonkd_hub_"+name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (hubCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{hubSubscriptions, hubBacklog, hubIntents, hubLapsing, hubLag} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c hubCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	h, err := c(ctx)
	if err != nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(hubSubscriptions, float64(h.Subscriptions))
	gauge(hubBacklog, float64(h.Due), "due")
	gauge(hubBacklog, float64(h.Later), "retry")
	gauge(hubBacklog, float64(h.Taken), "delivering")
	gauge(hubIntents, float64(h.Intents))
	gauge(hubLapsing, float64(h.Lapsing))
	gauge(hubLag, h.Lag.Seconds())
}

func newHubDone() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "thoonkd_hub_duration_seconds",
		Help:    "What the hub of this process did, and how long it took: delivered and failed (deliveries), confirmed and unconfirmed (callbacks that were asked), fetched (topics hosted elsewhere), lapsed (leases that ended).",
		Buckets: durationBuckets,
	}, []string{"what"})
}

// ObserveHub counts something that the hub did.
func (m *Metrics) ObserveHub(what string, d time.Duration) {
	m.hub.WithLabelValues(what).Observe(d.Seconds())
}
