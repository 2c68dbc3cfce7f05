package syndication

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pb33f/jsonschema/v6"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// checkAtom holds a document to a schema after RFC 4287, by libxml2.
func checkAtom(t *testing.T, doc []byte) { checkXML(t, "atom.rng", doc) }

// checkRSS holds a document to a schema after the specification of RSS 2.0.
func checkRSS(t *testing.T, doc []byte) { checkXML(t, "rss.rng", doc) }

func checkXML(t *testing.T, schema string, doc []byte) {
	t.Helper()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		thoonktest.Missing(t, "xmllint is not installed (apt-get install libxml2-utils): no document is held to its schema")
	}
	if out := lint(t, xmllint, schema, doc); out != "" {
		t.Errorf("not valid:\n%s\n%s", out, doc)
	}
}

// lint returns what libxml2 has to complain of.
func lint(t *testing.T, xmllint, schema string, doc []byte) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), xmllint, "--noout", "--nonet", "--relaxng", filepath.Join("testdata", "schema", schema), "-")
	cmd.Stdin = bytes.NewReader(doc)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	return strings.TrimSpace(string(out)) + " " + err.Error()
}

// checkJSONFeed holds a document to a schema after the specification of JSON Feed 1.1.
func checkJSONFeed(t *testing.T, doc []byte) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("testdata/schema/jsonfeed.json")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("not valid: %v\n%s", err, doc)
	}
}

// The validators must be able to fail.
func TestSchemasRefuse(t *testing.T) {
	t.Parallel()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		thoonktest.Missing(t, "xmllint is not installed (apt-get install libxml2-utils)")
	}
	f := sample()
	atom, rss := string(f.Atom()), string(f.RSS())
	for old, broken := range map[string]string{
		"<updated>": "<updated>yesterday ", "<id>tag:": "<id>", `rel="self"`: `rel="other"`, `<entry xml:lang="de">`: "<entry><author/>", "</title>": "</title><title/>",
	} {
		if !strings.Contains(atom, old) || lint(t, xmllint, "atom.rng", []byte(strings.Replace(atom, old, broken, 1))) == "" {
			t.Errorf("%s passes in place of %s", broken, old)
		}
	}
	for old, broken := range map[string]string{"<pubDate>": "<pubDate>2026 ", "<channel>": "<channel><x/>", `length="12"`: `length=""`} {
		if !strings.Contains(rss, old) || lint(t, xmllint, "rss.rng", []byte(strings.Replace(rss, old, broken, 1))) == "" {
			t.Errorf("%s passes in place of %s", broken, old)
		}
	}
}
