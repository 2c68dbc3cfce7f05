package openapi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/openapi"
)

func TestServerOfDocument(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                             "http://127.0.0.1:8080",
		"https://a.example/thoonk/":    "https://a.example/thoonk",
		`https://a.example/"x"&y=1<$0`: `https://a.example/"x"&y=1<$0`,
	} {
		var doc struct{ Servers []struct{ URL string } }
		if err := json.Unmarshal(openapi.Document(given), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Servers) != 1 || doc.Servers[0].URL != want {
			t.Errorf("%q: %+v", given, doc.Servers)
		}
	}
}

// What the annotations and parts say now is what is embedded.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if text, err := exec.CommandContext(t.Context(), "go", "run", "./gen", "-out", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, name := range []string{"openapi.json", "docs.html"} {
		fresh, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fresh, kept) {
			t.Errorf("%s is not what is generated now: run make openapi", name)
		}
	}
}

// The page shows everything and needs nothing from elsewhere.
func TestDocs(t *testing.T) {
	t.Parallel()
	page := string(openapi.Docs())
	for _, none := range []string{"<script", "<img", "<link", "@import", "url(", " style=", " onclick=", "https://", "[object", "map[", "%!"} {
		if strings.Contains(page, none) {
			t.Errorf("the page has %q in it", none)
		}
	}
	var doc struct {
		Paths      map[string]map[string]struct{ OperationID string }
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(openapi.Document(""), &doc); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, path := range doc.Paths {
		for _, op := range path {
			ids = append(ids, op.OperationID)
		}
	}
	for name := range doc.Components.Schemas {
		ids = append(ids, "schema-"+name)
	}
	for _, id := range ids {
		if strings.Count(page, ` id="`+id+`"`) != 1 || !strings.Contains(page, `href="#`+id+`"`) {
			t.Errorf("%s does not stand in the page once, with a link to it", id)
		}
	}
}
