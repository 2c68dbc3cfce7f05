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

const (
	mediaJSON   = "application/json"
	mediaNDJSON = "application/x-ndjson"
	mediaMerge  = "application/merge-patch+json" // RFC 7396
)

// body reads the request's body, which has to be JSON. An empty one is returned as such.
func (c *call) body() ([]byte, error) { return c.bodyOf(maxBody) }

// bodyOf is body with another bound.
func (c *call) bodyOf(most int64) ([]byte, error) {
	mediaType, err := c.mediaType()
	if err != nil {
		return nil, err
	}
	if mediaType != "" && !isJSON(mediaType) {
		return nil, c.badMediaType("Accept", mediaJSON)
	}
	return c.read(most)
}

// batchBody reads a body that is a JSON array or, if lines, an object a line.
func (c *call) batchBody() (data []byte, lines bool, err error) {
	mediaType, err := c.mediaType()
	if err != nil {
		return nil, false, err
	}
	lines = mediaType == mediaNDJSON
	if !lines && mediaType != "" && !isJSON(mediaType) {
		return nil, false, c.badMediaType("Accept", mediaJSON+", "+mediaNDJSON)
	}
	data, err = c.read(maxBatchBody)
	return data, lines, err
}

// patchBody reads a body that is a merge patch. There are other kinds of patch, so its type has to be said.
func (c *call) patchBody() ([]byte, error) {
	mediaType, err := c.mediaType()
	if err != nil {
		return nil, err
	}
	if mediaType != mediaMerge {
		return nil, c.badMediaType("Accept-Patch", mediaMerge) // RFC 5789 section 2.2
	}
	return c.read(maxBody)
}

// mediaType returns the type of the request's body: "" if it is not given, and for a text that is not in UTF-8 one that
// nothing takes.
func (c *call) mediaType() (string, error) {
	h := c.Request().Header
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		c.Response().Header().Set("Accept-Encoding", "identity") // RFC 9110 section 15.5.16
		return "", echo.NewHTTPError(http.StatusUnsupportedMediaType, "send the body without Content-Encoding")
	}
	value := h.Get("Content-Type")
	if value == "" {
		return "", nil
	}
	mediaType, params, err := mime.ParseMediaType(value)
	charset, given := params["charset"]
	if err != nil || given && !strings.EqualFold(charset, "utf-8") {
		return "?", nil
	}
	return mediaType, nil
}

// isJSON admits media types that are built on JSON too (RFC 6839 section 3.1).
func isJSON(mediaType string) bool {
	return mediaType == mediaJSON || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
}

// badMediaType is 415, with the header that says what is taken.
func (c *call) badMediaType(header, takes string) error {
	h := c.Response().Header()
	h.Set(header, takes)
	if c.Request().Method == http.MethodPost {
		h.Set("Accept-Post", takes) // https://www.w3.org/TR/ldp/#header-accept-post
	}
	return echo.NewHTTPError(http.StatusUnsupportedMediaType, "send it in UTF-8, with Content-Type: "+strings.ReplaceAll(takes, ", ", " or "))
}

// read reads a body of at most so many bytes.
func (c *call) read(most int64) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > most {
		return nil, tooLarge(most)
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, most))
	if err == nil {
		return data, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(most)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, echo.NewHTTPError(http.StatusRequestTimeout, "the body did not come within "+requestTimeout.String())
	}
	return nil, thoonk.E(thoonk.Invalid, "the body could not be read to its end").Because(err)
}

func tooLarge(most int64) error {
	return thoonk.E(thoonk.TooLarge, "the body is longer than %d bytes", most)
}
