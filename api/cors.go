package api

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// What pages of other origins may send and see (https://fetch.spec.whatwg.org/#http-cors-protocol). Credentials of the
// browser are never asked for: a page has to know a token.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, Prefer, X-Request-Id"
	corsExposed = "Accept-Patch, Accept-Post, Allow, Content-Location, ETag, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
	corsMaxAge  = "7200" // seconds; browsers take no more
)

// cors tells browsers which pages may call, and answers what they ask before.
func (s *Server) cors(next echo.HandlerFunc) echo.HandlerFunc {
	anybody := slices.Contains(s.o.CORSOrigins, "*")
	return func(c echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		origin := r.Header.Get("Origin")
		if anybody {
			h.Set("Access-Control-Allow-Origin", "*")
		} else {
			h.Add("Vary", "Origin")
			if origin == "" || !slices.Contains(s.o.CORSOrigins, origin) {
				return next(c)
			}
			h.Set("Access-Control-Allow-Origin", origin)
		}
		if r.Method == http.MethodOptions && origin != "" && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", corsMaxAge)
			return c.NoContent(http.StatusNoContent)
		}
		h.Set("Access-Control-Expose-Headers", corsExposed)
		return next(c)
	}
}
