package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// healthz says that the process lives.
func (s *Server) healthz(c echo.Context) error { return ok(c) }

// readyz says whether requests can be served: a load balancer asks it before it sends any.
func (s *Server) readyz(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), readyTimeout)
	defer cancel()
	if err := s.o.Health.Ready(ctx); err != nil {
		return thoonk.E(thoonk.Unavailable, "not ready").Because(err)
	}
	return ok(c)
}

func ok(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return sendJSON(c, http.StatusOK, mediaJSON, []byte(`{"status":"ok"}`))
}
