package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// In this package the field of a thoonk.Error says where in the request the fault is: "?limit" in the query, "{feed}" in
// the path, "If-Match:" in the header, and anything else in the body.

func inQuery(err error, name string) error  { return in(err, "?"+name) }
func inPath(err error, name string) error   { return in(err, "{"+name+"}") }
func inHeader(err error, name string) error { return in(err, name+":") }

func in(err error, field string) error {
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		return e.In(field)
	}
	return err
}

// inBody names a member of the request's body by the names on the way to it.
func inBody(err error, names ...string) error {
	var pointer strings.Builder
	for _, name := range names {
		pointer.WriteString("/" + pointerEscapes.Replace(name))
	}
	return in(err, pointer.String())
}

// within is inBody for an error that may name a place deeper inside.
func within(err error, names ...string) error {
	if e, ok := errors.AsType[*thoonk.Error](err); ok && e.Field != "" {
		return err
	}
	return inBody(err, names...)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1") // RFC 6901 section 3

// under puts names, and indexes of arrays, before the place that err names in the request's body.
func under(err error, names ...any) error {
	e, ok := errors.AsType[*thoonk.Error](err)
	if !ok {
		return err
	}
	way := ""
	for _, name := range names {
		way += "/" + pointerEscapes.Replace(fmt.Sprint(name))
	}
	return e.In(way + e.Field)
}

func asBatchError(err error) (*thoonk.BatchError, bool) {
	return errors.AsType[*thoonk.BatchError](err)
}

// fault is a member of a problem's "errors" (RFC 9457 section 3.2): one of the first three says where it is. Kind is of
// the operation of a batch.
type fault struct {
	Pointer   string `json:"pointer,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Header    string `json:"header,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Detail    string `json:"detail"`
}

// faultAt locates a field. The store names fields without knowing where they came from: of a request without a body
// they are parameters.
func faultAt(field, method, detail string) fault {
	if name, ok := strings.CutPrefix(field, "?"); ok {
		return fault{Parameter: name, Detail: detail}
	}
	if name, ok := strings.CutPrefix(field, "{"); ok {
		return fault{Parameter: strings.TrimSuffix(name, "}"), Detail: detail}
	}
	if name, ok := strings.CutSuffix(field, ":"); field == idempotencyKey || ok && !strings.HasPrefix(field, "/") {
		return fault{Header: name, Detail: detail}
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodDelete:
		return fault{Parameter: field, Detail: detail}
	}
	u := url.URL{Fragment: "/" + strings.TrimPrefix(field, "/")} // RFC 6901 section 6
	return fault{Pointer: "#" + u.EscapedFragment(), Detail: detail}
}
