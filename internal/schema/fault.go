package schema

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

var english = message.NewPrinter(language.English)

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1") // RFC 6901 section 3

// violation returns what a check found as an error with faults.
func violation(err error) *thoonk.Error {
	if err == nil {
		return nil
	}
	e := thoonk.E(thoonk.Unprocessable, "it violates the schema that the feed declares")
	found, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		e.Public += ": " + err.Error()
		return e
	}
	leaves(found, func(v *jsonschema.ValidationError) bool {
		e.Faults = append(e.Faults, thoonk.Fault{Field: pointer(v.InstanceLocation), Public: detail(v)})
		return len(e.Faults) < maxFaults
	})
	if len(e.Faults) > 0 {
		first := e.Faults[0]
		e.Public += ": " + first.Public
	}
	return e
}

// leaves yields the errors that have no further cause until yield returns false.
func leaves(v *jsonschema.ValidationError, yield func(*jsonschema.ValidationError) bool) bool {
	if len(v.Causes) == 0 {
		return yield(v)
	}
	for _, cause := range v.Causes {
		if !leaves(cause, yield) {
			return false
		}
	}
	return true
}

func pointer(way []string) string {
	var b strings.Builder
	for _, name := range way {
		b.WriteString("/" + pointerEscapes.Replace(name))
	}
	return b.String()
}

func detail(v *jsonschema.ValidationError) string { return cut(v.ErrorKind.LocalizedString(english)) }

// cut bounds a text that may repeat what was sent.
func cut(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	s = s[:maxDetail]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// explain says why a schema could not be compiled.
func explain(err error) string {
	if e, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return cut("it refers to " + e.URL + ", and nothing is loaded from elsewhere")
	}
	if e, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		text := ""
		leaves(e, func(v *jsonschema.ValidationError) bool {
			if _, group := v.ErrorKind.(*kind.Group); group {
				return true
			}
			text = "at " + pointer(v.InstanceLocation) + ": " + detail(v)
			return false
		})
		return cut(text)
	}
	return cut(strings.ReplaceAll(err.Error(), location, ""))
}
