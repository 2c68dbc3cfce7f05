package api

import "testing"

const (
	allowOrigin = "Access-Control-Allow-Origin"
	exposed     = "Accept-Patch, Accept-Post, Allow, Content-Location, ETag, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
)

func TestCORS(t *testing.T) {
	e := newEdge(t, func(o *Options) { o.CORSOrigins = []string{"https://app.example", "http://localhost:3000"} })
	e.feed("f", "")
	for _, origin := range []string{"https://app.example", "http://localhost:3000"} {
		e.do("OPTIONS", "/v1/feeds/f", "", as("", "Origin", origin, "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization")).is(204).
			has(allowOrigin, origin).has("Vary", "Origin").has("Access-Control-Max-Age", "7200").has("Access-Control-Allow-Credentials", "").
			has("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE").
			has("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, Prefer, X-Request-Id")
		e.do("GET", "/v1/feeds/f", "", as("all", "Origin", origin)).is(200).
			has(allowOrigin, origin).has("Vary", "Origin\nAuthorization").has("Access-Control-Expose-Headers", exposed).has("Access-Control-Allow-Methods", "")
		// A page may read errors too.
		e.do("GET", "/v1/feeds/g", "", as("all", "Origin", origin)).has(allowOrigin, origin).problem(404, "not_found")
		e.do("GET", "/v1/feeds/f", "", as("", "Origin", origin)).has(allowOrigin, origin).problem(401, "unauthenticated")
	}
	resp := e.openStream("/v1/feeds/f/events", as("all", "Origin", "https://app.example"))
	if got := resp.Header.Get(allowOrigin); got != "https://app.example" {
		t.Error(got)
	}
	for _, origin := range []string{"https://app.example.evil", "http://app.example", "null", "HTTPS://APP.EXAMPLE", ""} {
		h := as("all", "Access-Control-Request-Method", "PUT")
		if origin != "" {
			h.Set("Origin", origin)
		}
		e.do("OPTIONS", "/v1/feeds/f", "", h).is(204).has(allowOrigin, "").has("Allow", "OPTIONS, DELETE, GET, HEAD, PATCH, PUT").has("Vary", "Origin")
		e.do("GET", "/v1/feeds/f", "", h).is(200).has(allowOrigin, "").has("Vary", "Origin\nAuthorization").has("Access-Control-Expose-Headers", "")
	}
	// What is no preflight is answered as ever.
	e.do("OPTIONS", "/v1/feeds/f", "", as("", "Origin", "https://app.example")).is(204).has("Allow", "OPTIONS, DELETE, GET, HEAD, PATCH, PUT")
}

func TestCORSForAll(t *testing.T) {
	e := newEdge(t, func(o *Options) { o.CORSOrigins = []string{"*"} })
	e.feed("f", "")
	e.do("OPTIONS", "/v1/feeds/f", "", as("", "Origin", "https://a", "Access-Control-Request-Method", "PUT")).is(204).has(allowOrigin, "*").has("Vary", "")
	for _, h := range []string{"https://a", "null"} {
		e.do("GET", "/v1/feeds/f", "", as("all", "Origin", h)).is(200).has(allowOrigin, "*").has("Access-Control-Expose-Headers", exposed).
			has("Access-Control-Allow-Credentials", "").has("Vary", "Authorization")
	}
}

func TestNoCORS(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	e.do("OPTIONS", "/v1/feeds/f", "", as("", "Origin", "https://a", "Access-Control-Request-Method", "PUT")).is(204).has(allowOrigin, "").has("Vary", "")
	e.do("GET", "/v1/feeds/f", "", as("all", "Origin", "https://a")).is(200).has(allowOrigin, "").has("Vary", "Authorization")
}
