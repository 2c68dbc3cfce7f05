package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Ingest is what a process did about outside feeds since it began.
type Ingest struct {
	Fetches, Failures, Pushes, Forged    int64
	Published, Updated, Deleted, Refused int64 // entries
	Working                              int   // sources that are looked at now
}

// ingestCollector asks once a scrape.
type ingestCollector func() Ingest

var (
	ingestFetches  = sourceDesc("fetches_total", "Looks at sources.")
	ingestFailures = sourceDesc("failures_total", "Looks at sources that went wrong; thoonkd_source_fetches_total has them too.")
	ingestPushes   = sourceDesc("deliveries_total", "Deliveries of the hubs of sources: taken, or forged (without a signature that holds) and ignored.", "outcome")
	ingestEntries  = sourceDesc("entries_total", "Entries of sources: new, updated, deleted, or refused by their feed.", "what")
	ingestWorking  = sourceDesc("working", "Sources that this process looks at now.")
)

func sourceDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("thoonkd_source_"+name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (ingestCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{ingestFetches, ingestFailures, ingestPushes, ingestEntries, ingestWorking} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c ingestCollector) Collect(out chan<- prometheus.Metric) {
	i := c()
	count := func(d *prometheus.Desc, n int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	count(ingestFetches, i.Fetches)
	count(ingestFailures, i.Failures)
	count(ingestPushes, i.Pushes, "taken")
	count(ingestPushes, i.Forged, "forged")
	count(ingestEntries, i.Published, "new")
	count(ingestEntries, i.Updated, "updated")
	count(ingestEntries, i.Deleted, "deleted")
	count(ingestEntries, i.Refused, "refused")
	out <- prometheus.MustNewConstMetric(ingestWorking, prometheus.GaugeValue, float64(i.Working))
}
