package telemetry_test

import (
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/telemetry"
)

func TestOutboundIsCounted(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Options{})
	m.ObserveOutbound("push", "2xx", 20*time.Millisecond)
	m.ObserveOutbound("push", "2xx", 2*time.Minute)
	m.ObserveOutbound("delivery", "forbidden", 0)
	shows(t, m,
		`thoonkd_outbound_duration_seconds_bucket{outcome="2xx",purpose="push",le="0.025"} 1`,
		`thoonkd_outbound_duration_seconds_count{outcome="2xx",purpose="push"} 2`,
		`thoonkd_outbound_duration_seconds_count{outcome="forbidden",purpose="delivery"} 1`,
	)
}
