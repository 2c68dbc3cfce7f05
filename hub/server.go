package hub

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const requestTimeout = 10 * time.Second

// Serve answers what who posts to the hub: subscriptions and publications alike (PubSubHubbub 0.3 section 5). Whatever
// is wrong it says itself, in plain text.
//
// @Summary     Subscribe, unsubscribe, or tell of something new
// @Description A form, as WebSub and PubSubHubbub 0.3 and 0.4 have it. Parameters that are not known are ignored. It acts as the bearer of the token, else as everybody.
// @ID          hub
// @Tags        Hub
// @Success     202 "The request is kept, and the callback is asked."
// @Success     204 "It is done: the callback confirmed at once (`hub.verify=sync`), or the publication is noted."
// @Failure     400,403,409,413,415,422,429,500,503 {string} string "the reason, as text"
// @Failure     401 "the token does not hold"
// @Router      /hub [post]
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout+h.o.Settings.Timeout)
	defer cancel()
	status, err := h.handle(ctx, w, r, who)
	if err != nil {
		h.fail(ctx, w, err)
		return nil
	}
	w.WriteHeader(status)
	return nil
}

func (h *Hub) handle(ctx context.Context, w http.ResponseWriter, r *http.Request, who auth.Principal) (int, error) {
	form, err := parseForm(w, r)
	if err != nil {
		return 0, err
	}
	mode, err := one(form, "hub.mode", true, 32)
	if err != nil {
		return 0, err
	}
	switch mode {
	case "subscribe", "unsubscribe":
		return h.subscribe(ctx, who, form)
	case "publish":
		return h.publish(ctx, form)
	}
	return 0, thoonk.E(thoonk.Invalid, "hub.mode is none of subscribe, unsubscribe and publish").In("hub.mode")
}

var errForm = thoonk.E(thoonk.Invalid, "the hub takes a form: Content-Type application/x-www-form-urlencoded").In("Content-Type")

// parseForm reads the body alone: what stands in the address is not the form.
func parseForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, errForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, thoonk.E(thoonk.TooLarge, "the form is longer than %d bytes", maxForm)
	}
	if err != nil {
		return nil, thoonk.E(thoonk.Invalid, "the form did not come whole").Because(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, thoonk.E(thoonk.Invalid, "the body is not a form")
	}
	return form, nil
}

// fail answers with the reason in plain text (WebSub section 5.1.2).
func (h *Hub) fail(ctx context.Context, w http.ResponseWriter, err error) {
	status, text := http.StatusInternalServerError, "internal error"
	if e, ok := errors.AsType[*thoonk.Error](err); ok && e.Kind != thoonk.Internal {
		status, text = statusOf(e), e.Public
	} else {
		h.o.Logger.ErrorContext(ctx, "hub: a request failed", "error", err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

func statusOf(e *thoonk.Error) int {
	if e == errForm {
		return http.StatusUnsupportedMediaType
	}
	switch e.Kind {
	case thoonk.Invalid:
		return http.StatusBadRequest
	case thoonk.Unprocessable:
		return http.StatusUnprocessableEntity
	case thoonk.Unauthenticated:
		return http.StatusUnauthorized
	case thoonk.Forbidden:
		return http.StatusForbidden
	case thoonk.NotFound:
		return http.StatusNotFound
	case thoonk.Conflict, thoonk.Stale:
		return http.StatusConflict
	case thoonk.Gone:
		return http.StatusGone
	case thoonk.TooLarge:
		return http.StatusRequestEntityTooLarge
	case thoonk.Limited:
		return http.StatusTooManyRequests
	case thoonk.Unsupported:
		return http.StatusNotImplemented
	case thoonk.Unavailable, thoonk.Unconfirmed:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
