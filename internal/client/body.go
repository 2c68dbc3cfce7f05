package client

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Body is the content of an item, and the form in which it travels.
type Body struct {
	Form thoonk.Form // empty: there is no body
	Data []byte
}

// Detect returns the body that the bytes are where nobody says what they are: JSON, else text, else binary.
func Detect(data []byte) Body { return Body{thoonk.Undeclared.FormOf(data), data} }

// member returns the body as a member of a JSON object, `"text":"…"`. JSON goes byte for byte.
func (b Body) member() ([]byte, error) {
	if err := b.Form.Check(b.Data); err != nil {
		return nil, err
	}
	value := b.Data
	switch b.Form {
	case thoonk.FormBase64:
		value = quote(base64.StdEncoding.EncodeToString(b.Data))
	case thoonk.FormText, thoonk.FormXML:
		value = quote(string(b.Data))
	}
	return append([]byte(`"`+string(b.Form)+`":`), value...), nil
}

// quote returns valid UTF-8 as a JSON string.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string and a buffer never fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// wireBody are the members of a document that hold a body: at most one is there.
type wireBody struct {
	Body   json.RawMessage `json:"body"`
	Text   *string         `json:"text"`
	XML    *string         `json:"xml"`
	Base64 *[]byte         `json:"base64"`
}

func (w wireBody) body() Body {
	switch {
	case w.Body != nil:
		return Body{thoonk.FormBody, w.Body}
	case w.Text != nil:
		return Body{thoonk.FormText, []byte(*w.Text)}
	case w.XML != nil:
		return Body{thoonk.FormXML, []byte(*w.XML)}
	case w.Base64 != nil:
		return Body{thoonk.FormBase64, *w.Base64}
	}
	return Body{}
}
