// Package schema holds payloads to what their feed declares: a JSON Schema, and members that are stamped with who writes.
//
// Who declares a schema decides how long it takes to check against, so that is bounded: by steps that are counted, not by
// a clock. Nothing is ever loaded: a $ref leads inside the schema, or is refused.
package schema

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Bounds.
const (
	MaxSchema = 64 << 10 // bytes of a schema
	maxFaults = 20       // that are told of one payload
	maxDetail = 300      // bytes of what is told of one
	maxDepth  = 200      // of a schema, and of a payload that is checked
	maxDigits = 500      // of a number: the arithmetic is exact, and 1e1000000 is a large number
)

// location stands for the place that a schema was found at, so that a relative $ref leads nowhere.
const location = "thoonk:///schema"

// Checks are what a feed declares of its payloads. It is safe for concurrent use.
type Checks struct {
	compiled *pool // nil: no schema
	stamps   []stamp
}

// Compile returns the checks of a declaration: a schema, "" for none, and which members are stamped with what. The error
// is of kind [thoonk.Unprocessable] and names "schema" or "stamp".
func Compile(text string, stamped map[string]string) (*Checks, error) {
	stamps, err := parseStamps(stamped)
	if err != nil {
		return nil, err.In("stamp")
	}
	c := &Checks{stamps: stamps}
	if text == "" {
		return c, nil
	}
	first, err := compile(text)
	if err != nil {
		return nil, err.In("schema")
	}
	c.compiled = newPool(text, first)
	return c, nil
}

// Apply stamps a payload of the actor's and holds it to the schema. It returns what is to be kept. The error is of kind
// [thoonk.Unprocessable], with places inside the payload as its faults.
func (c *Checks) Apply(form thoonk.Form, payload []byte, actor string) ([]byte, *thoonk.Error) {
	return c.apply(form, payload, func(s stamp) json.RawMessage { return s.value(actor) })
}

// ApplyEdit is Apply for one that replaces another of whoever wrote that: the stamps stay as they are in before.
func (c *Checks) ApplyEdit(form thoonk.Form, payload, before []byte) ([]byte, *thoonk.Error) {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(before, &members) // of another client, which may have stamped nothing
	return c.apply(form, payload, func(s stamp) json.RawMessage { return members[s.member] })
}

func (c *Checks) apply(form thoonk.Form, payload []byte, value func(stamp) json.RawMessage) ([]byte, *thoonk.Error) {
	if form != thoonk.FormBody {
		return nil, thoonk.E(thoonk.Unprocessable, "the feed declares a schema or stamps: what it takes is JSON")
	}
	if len(c.stamps) > 0 {
		if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
			return nil, thoonk.E(thoonk.Unprocessable, "the feed stamps its payloads with who writes: each is a JSON object")
		}
		payload = stampAll(payload, c.stamps, value)
	}
	if c.compiled == nil {
		return payload, nil
	}
	return payload, c.compiled.check(payload)
}

// decode reads JSON for the library, which wants its numbers as they are written.
func decode(text []byte) (any, *thoonk.Error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || len(bytes.TrimSpace(text[d.InputOffset():])) > 0 {
		return nil, thoonk.E(thoonk.Unprocessable, "not valid JSON")
	}
	return v, bounded(v, maxDepth)
}

func bounded(v any, depth int) *thoonk.Error {
	if depth == 0 {
		return thoonk.E(thoonk.Unprocessable, "nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case json.Number:
		if !writable(string(v)) {
			return thoonk.E(thoonk.Unprocessable, "a number has more than %d digits, also when written out", maxDigits)
		}
	case []any:
		for _, item := range v {
			if err := bounded(item, depth-1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, value := range v {
			if err := bounded(value, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// writable reports whether a number written out has a bounded length.
func writable(n string) bool {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(n), "e")
	if len(mantissa) > maxDigits {
		return false
	}
	if !scientific {
		return true
	}
	exponent = strings.TrimLeft(strings.TrimLeft(exponent, "+-"), "0")
	return len(exponent) < 3 || len(exponent) == 3 && exponent < "500"
}

// compile returns a schema with a budget of its own.
func compile(text string) (*budgeted, *thoonk.Error) {
	if len(text) > MaxSchema {
		return nil, thoonk.E(thoonk.Unprocessable, "a schema has at most %d bytes", MaxSchema)
	}
	doc, refused := decode([]byte(text))
	if refused != nil {
		return nil, refused
	}
	switch doc.(type) {
	case bool, map[string]any:
	default:
		return nil, thoonk.E(thoonk.Unprocessable, "a JSON Schema is an object, or true or false")
	}
	b := &budgeted{left: budget}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(jsonschema.SchemeURLLoader{}) // of no scheme
	c.UseRegexpEngine(b.regexp)
	err := c.AddResource(location, doc)
	if err == nil {
		err = b.spending(func() error {
			b.schema, err = c.Compile(location)
			return err
		})
	}
	if err != nil {
		return nil, thoonk.E(thoonk.Unprocessable, "not a JSON Schema: %s", explain(err)).Because(err)
	}
	b.count()
	return b, nil
}
