package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources counts the sources by how they are. It is the same whichever process is asked.
type Sources struct {
	New, OK, Failing, Gone, Paused int64
}

// sourcesCollector asks once a scrape. If Redis does not answer there are no figures.
type sourcesCollector func(context.Context) (Sources, error)

var sourcesByState = prometheus.NewDesc("thoonkd_sources",
	"Sources by state: new (not looked at yet), ok and failing (the last look), gone (it said so), paused (whatever it was before).", []string{"state"}, nil)

// Describe implements [prometheus.Collector].
func (sourcesCollector) Describe(out chan<- *prometheus.Desc) { out <- sourcesByState }

// Collect implements [prometheus.Collector].
func (c sourcesCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	s, err := c(ctx)
	if err != nil {
		return
	}
	for state, n := range map[string]int64{"new": s.New, "ok": s.OK, "failing": s.Failing, "gone": s.Gone, "paused": s.Paused} {
		out <- prometheus.MustNewConstMetric(sourcesByState, prometheus.GaugeValue, float64(n), state)
	}
}
