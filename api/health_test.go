package api

import (
	"errors"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	e := newEdge(t, nil)
	const ok = `{"status":"ok"}`
	e.do("GET", "/healthz", "", nil).is(200).says(ok).has("Content-Type", "application/json")
	e.do("GET", "/readyz", "", as("bad")).is(200).says(ok).has("Cache-Control", "no-store")
	e.health.err = errors.New("redis: private")
	e.do("GET", "/healthz", "", nil).is(200).says(ok)
	a := e.do("GET", "/readyz", "", nil).has("Retry-After", "1")
	a.problem(503, "unavailable")
	if strings.Contains(a.body, "private") || !strings.Contains(e.log.String(), "private") {
		t.Errorf("the cause is for the log: %s", a.body)
	}
}
