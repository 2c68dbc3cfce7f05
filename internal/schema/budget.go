package schema

import (
	"errors"
	"reflect"
	"regexp"
	"regexp/syntax"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// budget is how many steps one check may take; a step is about a microsecond.
const budget = 400_000

// maxRegexp bounds the instructions that a regular expression compiles to: each byte of a text meets each of them.
const maxRegexp = 5000

// budgeted is a compiled schema that counts the steps of a check. The library has no bound of its own, and a short schema
// can branch at each level of what it checks. One check at a time.
type budgeted struct {
	schema *jsonschema.Schema
	left   int
}

// spent is what a check panics with that has taken too many steps: the library has no other way out.
type spent struct{}

var errSpent = errors.New("checking it takes too long")

func (b *budgeted) spend(steps int) {
	if b.left -= steps; b.left < 0 {
		panic(spent{})
	}
}

// spending does what may spend, and returns errSpent if it spent too much.
func (b *budgeted) spending(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(spent); !ok {
				panic(r)
			}
			err = errSpent
		}
	}()
	b.left = budget
	return do()
}

// count makes each schema inside this one spend steps before it looks at its own: as many as it has, and as what it
// checks has members. The library calls formats there.
func (b *budgeted) count() {
	seen := make(map[*jsonschema.Schema]int)
	inside(reflect.ValueOf(b.schema), seen)
	for s, below := range seen {
		format := s.Format
		s.Format = &jsonschema.Format{Name: "steps", Validate: func(v any) error {
			b.spend(1 + below + size(v))
			if format != nil {
				return format.Validate(v)
			}
			return nil
		}}
		if format != nil {
			s.Format.Name = format.Name
		}
	}
}

func size(v any) int {
	switch v := v.(type) {
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	case string:
		return len(v) / 1024
	}
	return 0
}

var schemaType = reflect.TypeFor[*jsonschema.Schema]()

// inside finds all schemas that can be reached from a value, and how many each has right below it.
func inside(v reflect.Value, seen map[*jsonschema.Schema]int) (found int) {
	switch v.Kind() {
	case reflect.Interface:
		return inside(v.Elem(), seen)
	case reflect.Slice:
		for i := range v.Len() {
			found += inside(v.Index(i), seen)
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			found += inside(i.Value(), seen)
		}
	case reflect.Pointer:
		switch {
		case v.IsNil():
		case v.Type() == schemaType:
			members(v.Interface().(*jsonschema.Schema), seen)
			return 1
		default:
			return inside(v.Elem(), seen)
		}
	case reflect.Struct:
		if v.Type().PkgPath() != schemaType.Elem().PkgPath() {
			return 0
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				found += inside(v.Field(i), seen)
			}
		}
	}
	return found
}

func members(s *jsonschema.Schema, seen map[*jsonschema.Schema]int) {
	if _, known := seen[s]; known {
		return
	}
	seen[s] = 0
	seen[s] = inside(reflect.ValueOf(s).Elem(), seen)
}

// regexp is the engine of patterns: that of Go, whose time grows with the pattern times the text.
func (b *budgeted) regexp(pattern string) (jsonschema.Regexp, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxRegexp {
		return nil, errors.New("the regular expression is too long")
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return counted{re, b, len(program.Inst)}, nil
}

type counted struct {
	*regexp.Regexp
	b    *budgeted
	size int
}

func (c counted) MatchString(s string) bool {
	c.b.spend(1 + c.size*len(s)/64)
	return c.Regexp.MatchString(s)
}

// pool has compiled schemas of one text, for as many checks as there are at once.
type pool struct{ idle sync.Pool }

func newPool(text string, first *budgeted) *pool {
	p := &pool{idle: sync.Pool{New: func() any {
		b, err := compile(text)
		if err != nil {
			panic(err) // the first one was compiled from the same text
		}
		return b
	}}}
	p.idle.Put(first)
	return p
}

func (p *pool) check(payload []byte) *thoonk.Error {
	v, refused := decode(payload)
	if refused != nil {
		return refused
	}
	b := p.idle.Get().(*budgeted)
	defer p.idle.Put(b)
	return violation(b.spending(func() error { return b.schema.Validate(v) }))
}
