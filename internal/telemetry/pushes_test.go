package telemetry_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/telemetry"
)

// shows checks that a scrape has these lines, or parts of them.
func shows(t *testing.T, m *telemetry.Metrics, want ...string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range want {
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("%s is not in\n%s", line, w.Body)
		}
	}
}

func TestPushesAreCounted(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Options{})
	m.ObservePush("finish")
	m.ObservePush("finish")
	m.ObservePush("stall")
	shows(t, m, `thoonkd_job_pushes_total{outcome="finish"} 2`, `thoonkd_job_pushes_total{outcome="stall"} 1`)
}

func TestJobsAreCounted(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Options{})
	m.CountJobs("claim", 3)
	m.CountJobs("claim", 1)
	m.CountJobs("finish", 0)
	shows(t, m, "thoonkd_jobs_total{what=\"claim\"} 4\n")
}
