package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// object is a JSON object that keeps the order of its members: readers, and generated code, see them in the order that
// they were written in. Other values are string, bool, json.Number, nil, []any and *object.
type object struct {
	names  []string
	values map[string]any
}

func newObject() *object { return &object{values: map[string]any{}} }

// get returns nil for a member that is not there, also of no object.
func (o *object) get(name string) any {
	if o == nil {
		return nil
	}
	return o.values[name]
}

// at follows names through objects and returns nil where there is none.
func (o *object) at(names ...string) *object {
	for _, name := range names {
		o, _ = o.get(name).(*object)
	}
	return o
}

// make is at, and puts in the objects that are not there.
func (o *object) make(names ...string) *object {
	for _, name := range names {
		next, ok := o.get(name).(*object)
		if !ok {
			next = newObject()
			o.set(name, next)
		}
		o = next
	}
	return o
}

func (o *object) text(name string) string {
	s, _ := o.get(name).(string)
	return s
}

func (o *object) list(name string) []any {
	l, _ := o.get(name).([]any)
	return l
}

// keys returns the names in order, none of no object.
func (o *object) keys() []string {
	if o == nil {
		return nil
	}
	return slices.Clone(o.names)
}

func (o *object) set(name string, value any) {
	if _, ok := o.values[name]; !ok {
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

func (o *object) remove(name string) {
	delete(o.values, name)
	o.names = slices.DeleteFunc(o.names, func(n string) bool { return n == name })
}

// order puts the members with these names first.
func (o *object) order(first ...string) {
	old := o.names
	o.names = nil
	for _, name := range append(first, old...) {
		if _, ok := o.values[name]; ok && !slices.Contains(o.names, name) {
			o.names = append(o.names, name)
		}
	}
}

// merge puts the members of other into o: objects into objects, anything else in place of what was there.
func (o *object) merge(other *object) {
	for _, name := range other.keys() {
		value := other.values[name]
		from, ok := value.(*object)
		into, both := o.get(name).(*object)
		if ok && both {
			into.merge(from)
		} else {
			o.set(name, value)
		}
	}
}

func ref(kind, name string) *object {
	o := newObject()
	o.set("$ref", "#/components/"+kind+"/"+name)
	return o
}

// parse reads one object in YAML or JSON, which YAML includes.
func parse(data []byte) (*object, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("not an object")
	}
	v, err := fromYAML(doc.Content[0])
	o, _ := v.(*object)
	return o, err
}

func fromYAML(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return fromYAML(n.Alias)
	case yaml.MappingNode:
		return fromMapping(n)
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			v, err := fromYAML(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	switch n.Tag {
	case "!!int", "!!float":
		return json.Number(n.Value), nil
	case "!!bool":
		return n.Value == "true", nil
	case "!!null":
		return nil, nil
	}
	return n.Value, nil
}

func fromMapping(n *yaml.Node) (*object, error) {
	o := newObject()
	for i := 0; i < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if _, ok := o.values[name]; ok {
			return nil, fmt.Errorf("line %d: %q comes twice", n.Content[i].Line, name)
		}
		v, err := fromYAML(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		if merged, ok := v.(*object); ok && name == "<<" {
			o.merge(merged)
		} else {
			o.set(name, v)
		}
	}
	return o, nil
}

// MarshalJSON keeps the order.
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, v := range []any{name, o.values[name]} {
			if j > 0 {
				b.WriteByte(':')
			}
			if err := encodePlain(&b, v); err != nil {
				return nil, err
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func encodePlain(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	b.Truncate(bytes.LastIndexByte(b.Bytes(), '\n'))
	return err
}

// format returns v as indented JSON.
func format(v any) ([]byte, error) {
	var plain, pretty bytes.Buffer
	if err := encodePlain(&plain, v); err != nil {
		return nil, err
	}
	err := json.Indent(&pretty, plain.Bytes(), "", "  ")
	pretty.WriteByte('\n')
	return pretty.Bytes(), err
}
