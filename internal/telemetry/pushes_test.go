package telemetry_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/telemetry"
)

func TestPushesAreCounted(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Options{})
	m.ObservePush("finish")
	m.ObservePush("finish")
	m.ObservePush("stall")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`thoonkd_job_pushes_total{outcome="finish"} 2`, `thoonkd_job_pushes_total{outcome="stall"} 1`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is not in\n%s", want, w.Body)
		}
	}
}
