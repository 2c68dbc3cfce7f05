package syndication

import (
	"bytes"
	_ "embed"
	"html/template"
	"strings"
	"time"
)

//go:embed page.html
var pageSource string

// html/template escapes by context, and takes of URLs only http, https and mailto; what is HTML in an entry is sanitised.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"content": htmlContent,
	"date":    rfc3339,
	"day":     func(t time.Time) string { return epoch(t).Format("2 January 2006, 15:04 UTC") },
	"title":   Entry.headline,
	"when":    func(e Entry) time.Time { return orTime(e.Updated, e.Published) },
	"web":     isWeb,
	// The + in our own types as it is: not all who discover documents decode &#43;.
	"type": func(mediaType string) template.HTMLAttr {
		return template.HTMLAttr(`type="` + template.HTMLEscapeString(mediaType) + `"`) //nolint:gosec // escaped
	},
}).Parse(pageSource))

// HTML returns the feed as a page for people, with links by which programs discover its other documents.
func (f Feed) HTML() []byte {
	var b bytes.Buffer
	if err := page.Execute(&b, f); err != nil {
		panic(err) // a buffer takes all, and every value has the type that the page expects
	}
	return b.Bytes()
}

func htmlContent(e Entry) template.HTML {
	switch {
	case e.ContentHTML != "":
		return template.HTML(Sanitize(e.ContentHTML)) //nolint:gosec // sanitised
	case e.ContentXML != "":
		return template.HTML("<pre>" + template.HTMLEscapeString(e.ContentXML) + "</pre>") //nolint:gosec // escaped
	case e.ContentText != "" && e.ContentText != e.headline():
		return template.HTML("<p>" + asHTML(e.ContentText) + "</p>") //nolint:gosec // escaped
	case e.Summary != "":
		return template.HTML("<p>" + asHTML(e.Summary) + "</p>") //nolint:gosec // escaped
	}
	return ""
}

// isWeb reports whether a link is one that a browser can follow.
func isWeb(u string) bool { return strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") }
