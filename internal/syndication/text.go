package syndication

import (
	"html"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/microcosm-cc/bluemonday"
)

// ugc allows what people write, and nothing that runs or loads by itself but images. A policy is safe for concurrent use.
var (
	ugc   = bluemonday.UGCPolicy()
	strip = bluemonday.StrictPolicy()
)

// Sanitize returns HTML without scripts, styles, forms, frames and whatever else could act on who reads it.
func Sanitize(htmlText string) string { return ugc.Sanitize(htmlText) }

// plain returns the text of HTML.
func plain(htmlText string) string {
	if htmlText == "" {
		return ""
	}
	const enough = 4 << 10 // for a headline
	htmlText = shortenBytes(htmlText, enough)
	return strings.TrimSpace(html.UnescapeString(strip.Sanitize(htmlText)))
}

// asHTML returns HTML that shows a text as it is.
func asHTML(text string) string {
	return strings.ReplaceAll(html.EscapeString(strings.TrimRight(text, "\r\n")), "\n", "<br/>\n")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return strings.Join(strings.FieldsFunc(line, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// shorten cuts at about so many characters, between words if it can.
func shorten(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	cut := string(runes[:most])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return cut + "…"
}

// shortenBytes cuts at so many bytes, between characters.
func shortenBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
