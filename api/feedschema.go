package api

import (
	"encoding/json"
	"errors"
	"maps"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// toWireSchema shows a schema. What another client put in its place and is no JSON is shown as a text.
func toWireSchema(schema string) json.RawMessage {
	if schema == "" || json.Valid([]byte(schema)) {
		return json.RawMessage(schema)
	}
	return marshal(schema)
}

// parseSchema reads the member "schema" of a declaration, which is kept byte for byte.
func parseSchema(before string, value json.RawMessage, patch bool) (string, error) {
	if !patch || !json.Valid([]byte(before)) {
		return string(value), nil
	}
	p, err := parseMergePatch(value)
	if err != nil {
		return "", err
	}
	return string(p.apply([]byte(before))), nil
}

// parseStamp reads the member "stamp" of a declaration.
func parseStamp(before map[string]string, value json.RawMessage, patch bool) (map[string]string, error) {
	members, err := parseObject(value, "stamp")
	if err != nil {
		return nil, err
	}
	stamped := make(map[string]string, len(before)+len(members))
	if patch {
		maps.Copy(stamped, before)
	}
	for _, m := range members {
		if patch && isNull(m.value) {
			delete(stamped, m.name)
			continue
		}
		if stamped[m.name], err = asString(m.value); err != nil {
			return nil, inBody(err, "stamp", m.name)
		}
	}
	if len(stamped) == 0 {
		return nil, nil
	}
	return stamped, nil
}

// inMember puts the name of the member that holds a body before the places inside it at which it violates its feed's
// schema.
func inMember(err error, name string) error {
	e, ok := errors.AsType[*thoonk.Error](err)
	if !ok || len(e.Faults) == 0 {
		return err
	}
	moved := *e
	moved.Faults = make([]thoonk.Fault, len(e.Faults))
	for i, f := range e.Faults {
		moved.Faults[i] = thoonk.Fault{Field: "/" + name + f.Field, Public: f.Public}
	}
	if batch, ok := errors.AsType[*thoonk.BatchError](err); ok {
		return &thoonk.BatchError{Index: batch.Index, Reason: &moved}
	}
	return &moved
}

// faultsOf are the faults of an error, below a place in the request's body.
func faultsOf(e *thoonk.Error, under, method string) []fault {
	found := make([]fault, len(e.Faults))
	for i, f := range e.Faults {
		found[i] = faultAt(under+f.Field, method, f.Public)
	}
	return found
}
