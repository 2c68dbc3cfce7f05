package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// AdopterState is what the adopter, which brings the writes of other clients into the log, does now.
type AdopterState string

// The states of an adopter.
const (
	AdopterAway     AdopterState = "away"     // not connected, or still reconciling
	AdopterStandsBy AdopterState = "stand_by" // another process adopts
	AdopterAdopts   AdopterState = "adopt"
)

var adopterStates = []AdopterState{AdopterAway, AdopterStandsBy, AdopterAdopts}

// Adopter is how the adopter stands. The counts are since the start of the process.
type Adopter struct {
	State       AdopterState
	Told        int64         // log entries written for changes of others
	Restated    int64         // of these, words told again because a message was late
	Refused     int64         // foreign names, ids and feeds that are beyond our rules
	Disconnects int64         // times that it had to begin again
	Lag         time.Duration // how long the oldest change heard and not adopted yet has waited; it counts while State is AdopterAdopts
}

// adopterCollector asks once a scrape, so that its metrics belong to one moment.
type adopterCollector func() Adopter

var (
	adopterTold        = adopterDesc("told_total", "Log entries written for changes made by other clients of Redis.")
	adopterRestated    = adopterDesc("restated_total", "Log entries that repeat an item's state because another client's message came late; thoonkd_adopter_told_total has them too.")
	adopterRefused     = adopterDesc("refused_total", "Names, ids and feeds of other clients that are beyond the rules and were skipped.")
	adopterDisconnects = adopterDesc("disconnects_total", "Times that the adopter lost its connection or its lease and began again.")
	adopterStateDesc   = adopterDesc("state", "1 for what the adopter does now: away (not connected, or reconciling), stand_by (another process adopts), adopt.", "state")
	adopterLag         = adopterDesc("lag_seconds", "How long the oldest change of another client that was heard and is not in the log yet has waited; only of the process that adopts.")
)

func adopterDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("thoonkd_adopter_"+name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (adopterCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		adopterTold, adopterRestated, adopterRefused, adopterDisconnects, adopterStateDesc, adopterLag,
	} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c adopterCollector) Collect(out chan<- prometheus.Metric) {
	a := c()
	for desc, n := range map[*prometheus.Desc]int64{
		adopterTold: a.Told, adopterRestated: a.Restated, adopterRefused: a.Refused, adopterDisconnects: a.Disconnects,
	} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n))
	}
	for _, s := range adopterStates {
		out <- prometheus.MustNewConstMetric(adopterStateDesc, prometheus.GaugeValue, boolean(s == a.State), string(s))
	}
	if a.State == AdopterAdopts {
		out <- prometheus.MustNewConstMetric(adopterLag, prometheus.GaugeValue, a.Lag.Seconds())
	}
}
