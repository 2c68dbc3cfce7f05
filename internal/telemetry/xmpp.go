package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// XMPPLink is how one link to an XMPP server stands. The counts are since the start of the process.
type XMPPLink struct {
	Domain        string // of the component
	Attached      bool   // by this process
	Connects      int64
	Received      int64         // stanzas
	SentBytes     int64         //
	Errors        int64         // stanza errors that were answered
	Malformed     int64         // stanzas that are none
	Refused       int64         // stanzas of senders who sent too many at once
	Spoofed       int64         // answers that nobody waits for
	Notifications int64         // messages to subscribers
	Bounces       int64         // of these, those that came back
	Pruned        int64         // subscriptions that ended because nothing arrived
	Resets        int64         // times that subscribers were told that something is missing
	Lag           time.Duration // from the change that was told last until it was
}

// xmppCollector asks once a scrape.
type xmppCollector func() []XMPPLink

var (
	xmppAttached = xmppDesc("attached", "1 while this process is attached to the XMPP server.")
	xmppLag      = xmppDesc("lag_seconds", "From the change that subscribers were told of last until the server had taken the notifications.")

	xmppCounters = []struct {
		desc *prometheus.Desc
		of   func(XMPPLink) int64
	}{
		{xmppDesc("connects_total", "Connections that the XMPP server accepted."), func(l XMPPLink) int64 { return l.Connects }},
		{xmppDesc("stanzas_received_total", "Stanzas that came."), func(l XMPPLink) int64 { return l.Received }},
		{xmppDesc("sent_bytes_total", "Bytes that were sent."), func(l XMPPLink) int64 { return l.SentBytes }},
		{xmppDesc("errors_total", "Stanza errors that were answered."), func(l XMPPLink) int64 { return l.Errors }},
		{xmppDesc("malformed_total", "Stanzas that are none: bad XML, bad addresses, too long."), func(l XMPPLink) int64 { return l.Malformed }},
		{xmppDesc("refused_total", "Stanzas of senders who sent too many at once."), func(l XMPPLink) int64 { return l.Refused }},
		{xmppDesc("spoofed_total", "Answers that nobody waits for."), func(l XMPPLink) int64 { return l.Spoofed }},
		{xmppDesc("notifications_total", "Notifications of changes, one a subscriber."), func(l XMPPLink) int64 { return l.Notifications }},
		{xmppDesc("bounces_total", "Notifications that came back because there is nobody."), func(l XMPPLink) int64 { return l.Bounces }},
		{xmppDesc("pruned_total", "Subscriptions that ended because nothing arrived at the subscriber."), func(l XMPPLink) int64 { return l.Pruned }},
		{xmppDesc("resets_total", "Nodes whose subscribers were told that something is missing."), func(l XMPPLink) int64 { return l.Resets }},
	}
)

func xmppDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("thoonkd_xmpp_"+name, help, []string{"domain"}, nil)
}

// Describe implements [prometheus.Collector].
func (xmppCollector) Describe(out chan<- *prometheus.Desc) {
	out <- xmppAttached
	out <- xmppLag
	for _, c := range xmppCounters {
		out <- c.desc
	}
}

// Collect implements [prometheus.Collector].
func (c xmppCollector) Collect(out chan<- prometheus.Metric) {
	for _, l := range c() {
		out <- prometheus.MustNewConstMetric(xmppAttached, prometheus.GaugeValue, boolean(l.Attached), l.Domain)
		out <- prometheus.MustNewConstMetric(xmppLag, prometheus.GaugeValue, l.Lag.Seconds(), l.Domain)
		for _, counter := range xmppCounters {
			out <- prometheus.MustNewConstMetric(counter.desc, prometheus.CounterValue, float64(counter.of(l)), l.Domain)
		}
	}
}
