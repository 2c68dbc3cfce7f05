package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// body reads the request's body, which has to be JSON. An empty one is returned as such.
func (c *call) body() ([]byte, error) {
	r := c.Request()
	if err := checkMediaType(r.Header); err != nil {
		return nil, err
	}
	if r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, maxBody))
	if err == nil {
		return data, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, echo.NewHTTPError(http.StatusRequestTimeout, "the body did not come within "+requestTimeout.String())
	}
	return nil, thoonk.E(thoonk.Invalid, "the body could not be read to its end").Because(err)
}

func tooLarge() error {
	return thoonk.E(thoonk.TooLarge, "the body is longer than %d bytes", maxBody)
}

// checkMediaType accepts application/json and media types built on it (RFC 6839 section 3.1), and no type at all.
func checkMediaType(h http.Header) error {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return echo.NewHTTPError(http.StatusUnsupportedMediaType, "send the body without Content-Encoding")
	}
	value := h.Get("Content-Type")
	if value == "" {
		return nil
	}
	mediaType, params, err := mime.ParseMediaType(value)
	json := mediaType == "application/json" ||
		strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
	charset, given := params["charset"]
	if err != nil || !json || given && !strings.EqualFold(charset, "utf-8") {
		return echo.NewHTTPError(http.StatusUnsupportedMediaType, "send JSON in UTF-8, with Content-Type: application/json")
	}
	return nil
}
