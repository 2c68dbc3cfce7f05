// Package openapi has the description of the REST API, for programs and for people. Both are generated: "make openapi"
// does it anew.
package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"strings"
)

//go:generate go run ./gen

//go:embed openapi.json
var document []byte

//go:embed docs.html
var docs []byte

const defaultServer = `"http://127.0.0.1:8080"`

// Document returns the OpenAPI 3.1 document of a server whose address, as its clients see it, is publicURL; empty: that of
// a server that was told nothing.
func Document(publicURL string) []byte {
	if publicURL == "" {
		return bytes.Clone(document)
	}
	url, _ := json.Marshal(strings.TrimRight(publicURL, "/")) // a string always can be encoded
	return bytes.Replace(document, []byte(defaultServer), url, 1)
}

// Docs returns the document as a page of HTML, without scripts, that links to openapi.json beside it.
func Docs() []byte { return bytes.Clone(docs) }
