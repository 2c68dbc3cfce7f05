package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func compiled(t testing.TB, schema string, stamped map[string]string) *Checks {
	t.Helper()
	c, err := Compile(schema, stamped)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const order = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object", "required": ["userId", "items"], "additionalProperties": false,
	"properties": {
		"userId": {"type": "string"},
		"items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}},
		"a/b~c": {"const": 1}
	},
	"$defs": {"item": {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}}}
}`

func TestFaultsPointIntoThePayload(t *testing.T) {
	t.Parallel()
	c := compiled(t, order, nil)
	for payload, want := range map[string]string{
		`{"userId":"u","items":[{"n":9},{"n":1.0}]}`:   "",
		`{"userId":"u","items":[{}],"a/b~c":1}`:        "",
		`[]`:                                           " ",
		`{"items":[{}]}`:                               " ",
		`{"userId":5,"items":[{}]}`:                    "/userId",
		`{"userId":"u","items":[]}`:                    "/items",
		`{"userId":"u","items":[{},{"n":10}]}`:         "/items/1/n",
		`{"userId":"u","items":[{"n":"x"}],"a/b~c":2}`: "/a~1b~0c /items/0/n",
		`{"userId":"u","items":[{}],"more":1}`:         " ",
		`{"userId":"u","items":[{"n":1e400}]}`:         "/items/0/n",
		`{"userId":"u","items":[{"n":9e-400}]}`:        "/items/0/n",
		`{"userId":"u","items":[{"n":1` + "e500}]}":    "-",
		`{"userId":"u","items":[{"n":1E+1000000000}]}`: "-",
		`{"userId":"u","items":` + deep(300) + `}`:     "-",
	} {
		got, err := c.Apply(thoonk.FormBody, []byte(payload), "anonymous")
		if want == "" {
			if err != nil || string(got) != payload {
				t.Errorf("%s gave %s, %v", payload, got, err)
			}
			continue
		}
		if err == nil || err.Kind != thoonk.Unprocessable {
			t.Errorf("%s gave %v", payload, err)
			continue
		}
		places := make(map[string]bool)
		for _, f := range err.Faults {
			places[f.Field] = f.Public != ""
		}
		wanted := make(map[string]bool)
		for _, p := range strings.Split(want, " ") {
			wanted[p] = true
		}
		switch {
		case want == "-" && len(err.Faults) == 0:
		case want == " " && len(places) == 1 && places[""]:
		case fmt.Sprint(places) == fmt.Sprint(wanted):
		default:
			t.Errorf("%s gave %v, want %s", payload, err.Faults, want)
		}
	}
}

func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()
	c := compiled(t, `{"items": {"const": 1}}`, nil)
	payload := "[" + strings.Repeat(`"`+strings.Repeat("é", 500)+`",`, 100) + "1]"
	_, err := c.Apply(thoonk.FormBody, []byte(payload), "")
	if err == nil || len(err.Faults) != maxFaults {
		t.Fatalf("got %v", err)
	}
	for _, f := range err.Faults {
		if len(f.Public) > maxDetail+3 {
			t.Errorf("%d bytes: %s", len(f.Public), f.Public)
		}
	}
}

func TestBadSchemas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"type": 5}`:                            "at /type",
		`{"type": "text"}`:                       "at /type",
		`5`:                                      "an object, or true or false",
		`{`:                                      "not valid JSON",
		`{} {}`:                                  "not valid JSON",
		`{"$ref": "https://a.test/schema.json"}`: "nothing is loaded from elsewhere",
		`{"$ref": "file:///etc/passwd"}`:         "nothing is loaded from elsewhere",
		`{"$ref": "other.json"}`:                 "not a JSON Schema",
		`{"$ref": "#/$defs/none"}`:               "not a JSON Schema",
		`{"$schema": "https://a.test/own"}`:      "nothing is loaded from elsewhere",
		`{"pattern": "("}`:                       "at /pattern",
		`{"pattern": "(a{1000}){9}"}`:            "at /pattern",
		`{"pattern": "(a{999}b|c{999}d|e{999}f|g{999}h|i{999}j|k{999})*"}`: "at /pattern",
		`{"maximum": 1e100000}`:                               "digits",
		`{"not": ` + deep(300) + `}`:                          "nested",
		`{"title": "` + strings.Repeat("x", MaxSchema) + `"}`: "at most",
	} {
		_, err := Compile(text, nil)
		e, ok := err.(*thoonk.Error) //nolint:errorlint // it is what is returned
		if !ok || e.Kind != thoonk.Unprocessable || e.Field != "schema" || !strings.Contains(e.Public, want) {
			t.Errorf("%.80s gave %v, want %s", text, err, want)
		}
	}
}

// Each level of these doubles what the library does; without a bound they take longer than anybody lives.
func TestChecksEnd(t *testing.T) {
	t.Parallel()
	branching := func(keyword, leaf string) string {
		var b strings.Builder
		for i := range 60 {
			fmt.Fprintf(&b, `"d%d": {%q: [{"$ref": "#/$defs/d%d"}, {"$ref": "#/$defs/d%d"}]}, `, i, keyword, i+1, i+1)
		}
		return `{"$defs": {` + b.String() + `"d60": ` + leaf + `}, "$ref": "#/$defs/d0"}`
	}
	for name, tc := range map[string]struct{ schema, payload string }{
		"anyOf":        {branching("anyOf", "false"), "{}"},
		"allOf":        {branching("allOf", `{"minProperties": 0}`), "{}"},
		"oneOf":        {branching("oneOf", `{"type": "string"}`), "{}"},
		"oneOf in not": {`{"not": ` + strings.ReplaceAll(branching("oneOf", "false"), "#/$defs", "#/not/$defs") + `}`, "{}"},
		"recursion": {`{"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["b"]}, {"properties": {"a": {"$ref": "#"}}, "required": ["b"]}]}`,
			strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)},
		"patterns": {`{"items": {"pattern": "^(x?){999}$"}}`, `["` + strings.Repeat("x", 500_000) + `"]`},
	} {
		c := compiled(t, tc.schema, nil)
		if _, err := c.Apply(thoonk.FormBody, []byte(tc.payload), ""); err == nil || !strings.Contains(err.Public, errSpent.Error()) {
			t.Errorf("%s gave %v", name, err)
		}
		if _, err := c.Apply(thoonk.FormBody, []byte(`"x"`), ""); err != nil && strings.Contains(err.Public, errSpent.Error()) && tc.payload != "{}" {
			t.Errorf("%s: what was spent is remembered: %v", name, err)
		}
	}
	// And a large payload of a plain schema is checked whole.
	c := compiled(t, `{"items": {"type": "object", "properties": {"n": {"type": "integer"}}}}`, nil)
	if _, err := c.Apply(thoonk.FormBody, []byte("["+strings.Repeat(`{"n":1},`, 50_000)+"{}]"), ""); err != nil {
		t.Errorf("a large payload gave %v", err)
	}
}

func TestStamps(t *testing.T) {
	t.Parallel()
	c := compiled(t, "", map[string]string{"userId": "sub", "by": "principal"})
	for _, tc := range []struct{ payload, actor, want string }{
		{`{"a": 1e2, "b":"\u00e9"}`, "jwt:https://id.test|bob", `{"a": 1e2,"b":"\u00e9","by":"jwt:https://id.test|bob","userId":"bob"}`},
		{`{"userId":"mallory","a":1,"userId":"again"}`, "jwt:|b|ob", `{"a":1,"by":"jwt:|b|ob","userId":"b|ob"}`},
		{`{"user\u0049d":{"x":[1,2]},"by":null}`, "xmpp:a@b.test", `{"by":"xmpp:a@b.test","userId":"a@b.test"}`},
		{` { } `, "anonymous", `{"by":null,"userId":null}`},
		{`{"a":{"userId":"inside"}}`, "jwt:i|\"<q>", `{"a":{"userId":"inside"},"by":"jwt:i|\"\u003cq\u003e","userId":"\"\u003cq\u003e"}`},
	} {
		got, err := c.Apply(thoonk.FormBody, []byte(tc.payload), tc.actor)
		if err != nil || string(got) != tc.want || !json.Valid(got) {
			t.Errorf("%s by %s gave\n%s, %v, want\n%s", tc.payload, tc.actor, got, err, tc.want)
		}
	}
	for _, payload := range []string{`[]`, `"text"`, `1`, `null`} {
		if _, err := c.Apply(thoonk.FormBody, []byte(payload), "anonymous"); err == nil || err.Kind != thoonk.Unprocessable {
			t.Errorf("%s gave %v", payload, err)
		}
	}
	for _, form := range []thoonk.Form{thoonk.FormText, thoonk.FormXML, thoonk.FormBase64} {
		if _, err := c.Apply(form, []byte("{}"), "anonymous"); err == nil || err.Kind != thoonk.Unprocessable {
			t.Errorf("%s gave %v", form, err)
		}
	}
	edited, err := c.ApplyEdit(thoonk.FormBody, []byte(`{"userId":"admin","a":2}`), []byte(`{"a":1,"userId":"bob"}`))
	if err != nil || string(edited) != `{"a":2,"userId":"bob"}` {
		t.Errorf("an edit gave %s, %v", edited, err)
	}
	for _, stamped := range []map[string]string{{"a": "iss"}, {"a": ""}, {strings.Repeat("a", 300): "sub"}} {
		if _, err := Compile("", stamped); thoonk.KindOf(err) != thoonk.Unprocessable {
			t.Errorf("%v gave %v", stamped, err)
		}
	}
}

// The stamp comes first: a schema may ask for it.
func TestStampsAreHeldToTheSchema(t *testing.T) {
	t.Parallel()
	c := compiled(t, `{"required": ["userId"], "properties": {"userId": {"type": "string"}}}`, map[string]string{"userId": "sub"})
	if _, err := c.Apply(thoonk.FormBody, []byte(`{}`), "jwt:|bob"); err != nil {
		t.Error(err)
	}
	if _, err := c.Apply(thoonk.FormBody, []byte(`{"userId":"bob"}`), "anonymous"); err == nil || err.Faults[0].Field != "/userId" {
		t.Errorf("got %v", err)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	var c Cache
	first, err := c.Checks(order, `{"userId":"sub"}`)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Checks(order, `{"userId":"sub"}`); again != first {
		t.Error("it was compiled twice")
	}
	for _, bad := range [][2]string{{"{", ""}, {"", "[]"}, {"", `{"a":"b"}`}} {
		if _, err := c.Checks(bad[0], bad[1]); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	var all sync.WaitGroup
	for i := range 2 * maxCached {
		all.Go(func() {
			if _, err := c.Checks(fmt.Sprintf(`{"maximum":%d}`, i), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(c.made) > maxCached {
		t.Errorf("%d are kept", len(c.made))
	}
	if Digest("", "") != "" || Digest("a", "") == Digest("", "a") {
		t.Error("digests that are the same")
	}
}

func FuzzApply(f *testing.F) {
	f.Add(order, `{"userId":"u","items":[{"n":9}]}`)
	f.Add(`{"anyOf":[{"$ref":"#"}]}`, `{}`)
	f.Add(`{"unevaluatedProperties":false,"$dynamicRef":"#x"}`, `{"a":[1e2]}`)
	f.Fuzz(func(t *testing.T, schema, payload string) {
		c, err := Compile(schema, map[string]string{"by": "sub"})
		if err != nil || !json.Valid([]byte(payload)) {
			return
		}
		got, refused := c.Apply(thoonk.FormBody, []byte(payload), "jwt:|me")
		if refused != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(got, &members); err != nil || string(members["by"]) != `"me"` {
			t.Errorf("%s gave %s", payload, got)
		}
	})
}
