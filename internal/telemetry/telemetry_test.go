package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/thoonkd/thoonkd/internal/telemetry"
)

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatal(w.Code, w.Header(), w.Body)
	}
	return w.Body.String()
}

// parse returns the metrics by "name{label="value"}", labels in the order of their names.
func parse(t *testing.T, text string) map[string]*dto.Metric {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]*dto.Metric{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			labels := model.LabelSet{}
			for _, l := range m.GetLabel() {
				labels[model.LabelName(l.GetName())] = model.LabelValue(l.GetValue())
			}
			key := name
			if len(labels) > 0 {
				key += labels.String()
			}
			metrics[key] = m
		}
	}
	return metrics
}

func everything() telemetry.Options {
	return telemetry.Options{
		Version: "1.2.3",
		Ready:   func(context.Context) error { return nil },
		Streams: func() int64 { return 7 },
		Adopter: func() telemetry.Adopter {
			return telemetry.Adopter{
				State: telemetry.AdopterAdopts, Told: 5, Restated: 1, Refused: 2, Disconnects: 3, Lag: 1500 * time.Millisecond,
			}
		},
		Sources: func(ctx context.Context) (telemetry.Sources, error) {
			if _, bounded := ctx.Deadline(); !bounded {
				return telemetry.Sources{}, errors.New("a scrape would wait for ever")
			}
			return telemetry.Sources{New: 1, OK: 20, Failing: 3, Paused: 4}, nil
		},
	}
}

func TestScrape(t *testing.T) {
	t.Parallel()
	m := telemetry.New(everything())
	m.Observe("/v1/feeds/:feed", "GET", 200, 20*time.Millisecond)
	m.Observe("/v1/feeds/:feed", "GET", 200, 3*time.Hour)
	m.Observe("", "BREW", 404, time.Millisecond)
	metrics := parse(t, scrape(t, m))
	for key, want := range map[string]float64{
		"thoonkd_adopter_told_total":              5,
		"thoonkd_adopter_restated_total":          1,
		"thoonkd_adopter_refused_total":           2,
		"thoonkd_adopter_disconnects_total":       3,
		"thoonkd_adopter_lag_seconds":             1.5,
		`thoonkd_adopter_state{state="adopt"}`:    1,
		`thoonkd_adopter_state{state="stand_by"}`: 0,
		`thoonkd_adopter_state{state="away"}`:     0,
		"thoonkd_event_streams":                   7,
		"thoonkd_ready":                           1,
		`thoonkd_sources{state="new"}`:            1,
		`thoonkd_sources{state="ok"}`:             20,
		`thoonkd_sources{state="failing"}`:        3,
		`thoonkd_sources{state="gone"}`:           0,
		`thoonkd_sources{state="paused"}`:         4,
	} {
		got, ok := metrics[key]
		if value := got.GetCounter().GetValue() + got.GetGauge().GetValue(); !ok || value != want {
			t.Errorf("%s is %v (%v), want %v", key, value, ok, want)
		}
	}
	h := metrics[`thoonkd_http_request_duration_seconds{code="200", method="GET", route="/v1/feeds/:feed"}`].GetHistogram()
	if h.GetSampleCount() != 2 || h.GetSampleSum() < 10800 {
		t.Errorf("%v", h)
	}
	if h := metrics[`thoonkd_http_request_duration_seconds{code="404", method="_OTHER", route=""}`].GetHistogram(); h.GetSampleCount() != 1 {
		t.Errorf("%v", h)
	}
	for _, prefix := range []string{`thoonkd_build_info{commit="`, "go_goroutines", "process_start_time_seconds"} {
		found := false
		for key := range metrics {
			found = found || strings.HasPrefix(key, prefix)
		}
		if !found {
			t.Errorf("no %s", prefix)
		}
	}
	if text := scrape(t, m); !strings.Contains(text, `version="1.2.3"`) {
		t.Error(text)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	m := telemetry.New(everything())
	m.Observe("/v1/feeds", "GET", 200, time.Second)
	problems, err := promlint.New(strings.NewReader(scrape(t, m))).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// What stands by or is away has no lag of its own to tell, and what is not there is left out.
func TestOtherStates(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Options{
		Ready: func(ctx context.Context) error {
			_, bounded := ctx.Deadline()
			return map[bool]error{true: errors.New("no")}[bounded]
		},
		Adopter: func() telemetry.Adopter { return telemetry.Adopter{State: telemetry.AdopterStandsBy, Lag: time.Hour} },
		Sources: func(context.Context) (telemetry.Sources, error) {
			return telemetry.Sources{OK: 1}, errors.New("no Redis")
		},
	})
	metrics := parse(t, scrape(t, m))
	if metrics[`thoonkd_adopter_state{state="stand_by"}`].GetGauge().GetValue() != 1 {
		t.Error("it does not stand by")
	}
	if ready, ok := metrics["thoonkd_ready"]; !ok || ready.GetGauge().GetValue() != 0 {
		t.Error("it is ready")
	}
	for _, absent := range []string{"thoonkd_adopter_lag_seconds", "thoonkd_event_streams", `thoonkd_sources{state="ok"}`} {
		if _, ok := metrics[absent]; ok {
			t.Error(absent)
		}
	}
	parse(t, scrape(t, telemetry.New(telemetry.Options{})))
}

func TestOpenMetrics(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	telemetry.New(everything()).Handler().ServeHTTP(w, r)
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(w.Body.String(), "# EOF\n") {
		t.Error(w.Header(), w.Body)
	}
}
