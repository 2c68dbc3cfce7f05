// Package telemetry counts what the server does, for Prometheus. It knows none of the parts that it reports on: they are
// asked, at each scrape, by functions.
package telemetry

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTimeout bounds how long a scrape waits to learn whether the server is ready.
const readyTimeout = 2 * time.Second

// Options say what there is to report. A function that is nil leaves its metrics out.
type Options struct {
	Version string // of a release; empty: what the Go toolchain knows of the build
	Log     *slog.Logger

	Ready   func(context.Context) error // nil: requests can be served now
	Streams func() int64                // streams of events that are open now
	Adopter func() Adopter
	Ingest  func() Ingest
	XMPP    func() []XMPPLink
	Hub     func(context.Context) (Hub, error)
	Sources func(context.Context) (Sources, error)
}

// Metrics are the metrics of one server. They share nothing with those of another one.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	hub      *prometheus.HistogramVec
	pushes   *prometheus.CounterVec
	jobs     *prometheus.CounterVec
	outbound *prometheus.HistogramVec
	log      *slog.Logger
}

// New returns the metrics of a server.
func New(o Options) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: newRequests(),
		hub:      newHubDone(),
		pushes:   newPushes(),
		jobs:     newJobs(),
		outbound: newOutbound(),
		log:      cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newBuildInfo(o.Version),
		m.requests,
		m.pushes,
		m.jobs,
		m.outbound,
	)
	if o.Ready != nil {
		m.registry.MustRegister(newReady(o.Ready))
	}
	if o.Streams != nil {
		m.registry.MustRegister(newStreams(o.Streams))
	}
	if o.Adopter != nil {
		m.registry.MustRegister(adopterCollector(o.Adopter))
	}
	if o.Ingest != nil {
		m.registry.MustRegister(ingestCollector(o.Ingest))
	}
	if o.Sources != nil {
		m.registry.MustRegister(sourcesCollector(o.Sources))
	}
	if o.XMPP != nil {
		m.registry.MustRegister(xmppCollector(o.XMPP))
	}
	if o.Hub != nil {
		m.registry.MustRegister(hubCollector(o.Hub), m.hub)
	}
	return m
}

// Handler returns what answers a scrape, as text or as OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorLog:          slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
	})
}

func newBuildInfo(version string) prometheus.Collector {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	commit := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "thoonkd_build_info",
		Help: "Always 1; the labels tell the version, the commit and the version of Go.",
		ConstLabels: prometheus.Labels{
			"version":   cmp.Or(version, info.Main.Version, "unknown"),
			"commit":    cmp.Or(commit, "unknown"),
			"goversion": cmp.Or(info.GoVersion, "unknown"),
		},
	})
	g.Set(1)
	return g
}

func newReady(ready func(context.Context) error) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "thoonkd_ready",
		Help: "1 while requests can be served: Redis answers and changes are followed.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
		defer cancel()
		return boolean(ready(ctx) == nil)
	})
}

func newStreams(open func() int64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "thoonkd_event_streams",
		Help: "Streams of events that are open now.",
	}, func() float64 { return float64(open()) })
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
