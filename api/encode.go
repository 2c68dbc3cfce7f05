package api

import (
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// The documents that carry bodies are written by hand: encoding/json would compact a body that is JSON and escape what
// HTML might mind, and a body has to pass byte for byte.

// appendString appends s as a JSON string. Only what RFC 8259 section 7 demands is escaped; bytes that are not UTF-8 become
// U+FFFD, so those who mind must check before.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		b := s[i]
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, `\n`...)
		case b == '\r':
			dst = append(dst, `\r`...)
		case b == '\t':
			dst = append(dst, `\t`...)
		case b < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
		i++
	}
	return append(dst, '"')
}

// appendMember appends a member whose value is a string to an object that is open.
func appendMember(dst []byte, name, value string) []byte {
	return appendString(appendName(dst, name), value)
}

// appendName appends the name of a member, with a comma if it is not the first one.
func appendName(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(appendString(dst, name), ':')
}

func appendTrue(dst []byte, name string) []byte { return append(appendName(dst, name), "true"...) }

// appendList appends a member that is a list.
func appendList[T any](dst []byte, name string, all []T, one func([]byte, T) []byte) []byte {
	dst = append(appendName(dst, name), '[')
	for i, v := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = one(dst, v)
	}
	return append(dst, ']')
}

// appendTime appends a time in UTC, to the microsecond. One that RFC 3339 cannot write, and the zero time, which
// stands for unknown, are left out.
func appendTime(dst []byte, name string, t time.Time) []byte {
	t = t.UTC()
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return dst
	}
	return appendMember(dst, name, t.Format("2006-01-02T15:04:05.999999Z07:00"))
}

func appendRevision(dst []byte, r thoonk.Revision) []byte {
	return appendRevisionAs(dst, "revision", r)
}

func appendRevisionAs(dst []byte, name string, r thoonk.Revision) []byte {
	if r.IsZero() {
		return dst
	}
	return appendMember(dst, name, r.String())
}

// appendContent appends a body in the form in which readers of a feed with this content see it.
func appendContent(dst []byte, content thoonk.Content, body []byte) []byte {
	form := content.FormOf(body)
	return appendForm(appendName(dst, string(form)), form, body)
}

// appendForm appends a body in a form, as the value of a member.
func appendForm(dst []byte, form thoonk.Form, body []byte) []byte {
	switch form {
	case thoonk.FormBody:
		return append(dst, body...)
	case thoonk.FormBase64:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, body)
		return append(dst, '"')
	default:
		return appendString(dst, string(body))
	}
}

// appendItem appends the members of an item to an object that is open.
func appendItem(dst []byte, item thoonk.Item, content thoonk.Content) []byte {
	dst = appendMember(dst, "id", string(item.ID))
	dst = appendRevision(dst, item.Revision)
	dst = appendTime(dst, "published", item.Published)
	dst = appendTime(dst, "updated", item.Updated)
	return appendContent(dst, content, item.Body)
}

func itemDoc(item thoonk.Item, content thoonk.Content) []byte {
	dst := make([]byte, 0, 256+len(item.Body))
	return append(appendItem(append(dst, '{'), item, content), '}')
}

// pageDoc is a page of items. Next is a cursor; rest are ids that were asked for and not looked at.
func pageDoc(page thoonk.ItemPage, next string, rest []thoonk.ItemID) []byte {
	dst := appendList([]byte{'{'}, "items", page.Items, func(dst []byte, item thoonk.Item) []byte {
		return append(appendItem(append(dst, '{'), item, page.Content), '}')
	})
	dst = appendInt(dst, "total", int64(page.Total))
	dst = appendRevision(dst, page.Revision)
	dst = appendWord(dst, "next", next)
	return append(appendIDs(dst, "rest", rest), '}')
}

// publishedDoc is the answer to a publish: the item without its body, and where it is.
func publishedDoc(feed thoonk.FeedName, item thoonk.Item) []byte {
	dst := appendMember([]byte{'{'}, "feed", string(feed))
	dst = appendMember(dst, "id", string(item.ID))
	dst = appendRevision(dst, item.Revision)
	dst = appendTime(dst, "published", item.Published)
	dst = appendTime(dst, "updated", item.Updated)
	return append(dst, '}')
}
