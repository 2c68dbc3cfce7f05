package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// healthz says that the process lives.
//
// @Summary     The process lives
// @ID          health
// @Tags        Health
// @Success     200 "It does."
// @Failure     500 {object} problem
// @Router      /healthz [get]
func (s *Server) healthz(c echo.Context) error { return ok(c) }

// readyz says whether requests can be served: a load balancer asks it before it sends any.
//
// @Summary     Requests can be served
// @Description Redis answers, and changes are followed.
// @ID          ready
// @Tags        Health
// @Success     200 "They can."
// @Failure     500,503 {object} problem
// @Router      /readyz [get]
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
