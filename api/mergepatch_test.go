package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestMergePatch(t *testing.T) {
	for _, test := range [][3]string{
		// RFC 7396 appendix A.
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},

		// What is not mentioned stays as it is, and where it is.
		{`{ "z" : 1.00 , "n":12345678901234567890.10e+5,"\u0061":[ 1,2 ],"m":{"x" :1},"o":{"p": 1,"q":[ ]} }`, `{"m":null,"o":{"p":2},"new":{"k": 1}}`,
			`{"z":1.00,"n":12345678901234567890.10e+5,"\u0061":[ 1,2 ],"o":{"p":2,"q":[ ]},"new":{"k":1}}`},
		{`{"\ud800":"\ud800","b":1,"c":2,"b":3}`, `{"c":null}`, `{"\ud800":"\ud800","b":1,"b":3}`},
		{`{"\u0061":1}`, `{"a":2}`, `{"\u0061":2}`}, // the same name
		{`{"a":1,"a":2}`, `{"a":3}`, `{"a":3}`},
		{`{"a":1,"a":2,"b":0}`, `{"a":null}`, `{"b":0}`},
		{` {"a" : {} } `, `{}`, `{"a":{}}`},
		{`{"a":{"b":{}}}`, `{"a":{"b":{"c":1}}}`, `{"a":{"b":{"c":1}}}`},
		{`{"a/b~":1}`, `{"a/b~":{"<":"ä"}}`, `{"a/b~":{"<":"ä"}}`},
	} {
		p, err := parseMergePatch([]byte(test[1]))
		if err != nil {
			t.Errorf("%s: %v", test[1], err)
			continue
		}
		if got := string(p.apply([]byte(test[0]))); got != test[2] {
			t.Errorf("%s and %s are %s, want %s", test[0], test[1], got, test[2])
		}
	}
	for patch, place := range map[string]string{
		``: "", `{"a":1`: "", `{"a":{"b/c":{"d":1,"d":1}}}`: "/a/b~1c/d", `{"a":{"\ud800":1}}`: "/a/\ufffd", "{\"a\":\"\xff\"}": "",
	} {
		_, err := parseMergePatch([]byte(patch))
		if e, ok := errors.AsType[*thoonk.Error](err); !ok || e.Kind != thoonk.Invalid || e.Field != place {
			t.Errorf("%s: %v", patch, err)
		}
	}
}

// A document is gone through once, however deep the patch is.
func TestMergePatchIsLinear(t *testing.T) {
	const depth = 9_000
	nested := func(core string) []byte {
		return []byte(strings.Repeat(`{"a":`, depth) + core + strings.Repeat("}", depth))
	}
	p, err := parseMergePatch(nested("1"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	got := p.apply(nested(`"` + strings.Repeat("x", 1<<20) + `"`))
	if !bytes.Equal(got, nested("1")) {
		t.Error("wrong")
	}
	if took := time.Since(start); took > 10*time.Second { // were it done level by level, it would take minutes
		t.Errorf("it took %s", took)
	}
}

// reference is the algorithm of RFC 7396 section 2.
func reference(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = reference(object[name], value)
		}
	}
	return object
}

func decoded(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	return v
}

func FuzzMergePatch(f *testing.F) {
	f.Add([]byte(`{"a": {"b":1.0,"c":[null]},"d":null}`), []byte(`{"a":{"b":null,"x":{"y":null}},"d":[{"z":null}]}`))
	f.Add([]byte(`[1]`), []byte(`{"\u0061":{"":1}}`))
	f.Add([]byte(` "x" `), []byte(` null `))
	f.Fuzz(func(t *testing.T, doc, patch []byte) {
		p, err := parseMergePatch(patch)
		if err != nil || checkJSON(doc) != nil {
			return
		}
		if got := p.apply(doc); checkJSON(got) != nil {
			t.Fatalf("%q and %q are %q", doc, patch, got)
		}
		doc, err = json.Marshal(decoded(t, doc)) // without names that come twice
		if err != nil {
			t.Fatal(err)
		}
		got := decoded(t, p.apply(doc))
		if want := reference(decoded(t, doc), decoded(t, patch)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q and %q are %v, want %v", doc, patch, got, want)
		}
	})
}
