package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const principalKey = "principal" // of the name of the caller, in echo's context

// observe is around every request: it names it, answers its errors and logs it, without what was in it.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		id := requestID(c.Request().Header.Get("X-Request-Id"))
		h := c.Response().Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		boundBody(c, start)
		if c.Request().Method == http.MethodOptions {
			c.Response().Before(func() { tellPatches(h) })
		}
		err := recovered(next, c)
		if err != nil {
			s.fail(c, err)
		}
		s.logRequest(c, id, start, err)
		if s.o.Observe != nil {
			s.o.Observe(c.Path(), knownMethod(c.Request().Method), c.Response().Status, time.Since(start))
		}
		return nil
	}
}

// boundBody bounds the time that the request's body may take to come. No context ends a read, and even a request that is
// refused unread holds its connection while the server drains its body.
func boundBody(c echo.Context, start time.Time) {
	if c.Request().ContentLength != 0 {
		_ = http.NewResponseController(c.Response().Writer).SetReadDeadline(start.Add(requestTimeout))
	}
}

// tellPatches says, in the answer to OPTIONS, what kind of patch may be sent, if any (RFC 5789 section 3.1).
func tellPatches(h http.Header) {
	if strings.Contains(h.Get("Allow"), http.MethodPatch) {
		h.Set("Accept-Patch", mediaMerge)
	}
}

func recovered(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			err = thoonk.E(thoonk.Internal, "panic").Because(fmt.Errorf("%v\n%s", v, debug.Stack()))
		}
	}()
	return next(c)
}

// knownMethod bounds how many methods there can be: a client may send any word, and metrics count each apart.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "OTHER"
}

func (s *Server) logRequest(c echo.Context, id string, start time.Time, err error) {
	status := c.Response().Status
	level := slog.LevelDebug
	attrs := []slog.Attr{
		slog.String("request_id", id),
		slog.String("method", c.Request().Method),
		slog.String("route", c.Path()), // not the path itself: names may be private
		slog.Int("status", status),
		slog.Duration("duration", time.Since(start)),
	}
	if who, ok := c.Get(principalKey).(string); ok {
		attrs = append(attrs, slog.String("principal", who))
	}
	if err != nil {
		level = slog.LevelInfo
		if _, ok := errors.AsType[*thoonk.Error](err); ok {
			attrs = append(attrs, slog.String("kind", string(kindOf(err))))
		}
	}
	if err != nil && status >= http.StatusInternalServerError {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.o.Log.LogAttrs(c.Request().Context(), level, "request", attrs...)
}

// requestID returns the id that the client gave if it is short and plain, else a new one.
func requestID(given string) string {
	if given == "" || len(given) > 128 {
		return rand.Text()
	}
	for _, b := range []byte(given) {
		if b <= ' ' || b > '~' {
			return rand.Text()
		}
	}
	return given
}
