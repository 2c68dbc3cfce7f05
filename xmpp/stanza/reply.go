package stanza

// AppendResult appends the result of a request, addressed as the request was: its addresses are echoed byte for byte.
func AppendResult(dst []byte, request *Element, payload *Element) []byte {
	dst = appendReply(dst, request, "result")
	if payload == nil {
		return append(dst, '/', '>')
	}
	dst = append(dst, '>')
	dst = payload.AppendXML(dst, NSClient)
	return append(dst, "</iq>"...)
}

// AppendError appends a stanza that answers another one with an error.
func AppendError(dst []byte, to *Element, e *Error) []byte {
	dst = appendReply(dst, to, "error")
	dst = append(dst, '>')
	dst = e.element().AppendXML(dst, NSClient)
	dst = append(dst, '<', '/')
	dst = append(dst, to.Name.Local...)
	return append(dst, '>')
}

// ErrorFor returns what stands for an answer that cannot be taken, as if it had been this error.
func ErrorFor(answer *Element, err *Error) *Element {
	return New(NSClient, answer.Name.Local).Set("type", "error").Set("id", answer.Attr("id")).Set("from", answer.Attr("from")).Add(err.element())
}

func appendReply(dst []byte, to *Element, kind string) []byte {
	dst = append(dst, '<')
	dst = append(dst, to.Name.Local...)
	dst = AppendAttr(dst, "type", kind)
	for _, a := range [][2]string{{"id", "id"}, {"from", "to"}, {"to", "from"}} {
		if v, ok := to.LookupAttr(a[1]); ok {
			dst = AppendAttr(dst, a[0], v)
		}
	}
	return dst
}

// Bounds of what an answer repeats, in bytes. What was apostrophes becomes six times as long, and servers cut a component off for a
// stanza that is too large.
const (
	MaxID      = 4 << 10
	maxAddress = 16 << 10 // also of what is none
)

// Answerable reports whether an error may be sent back for a stanza: RFC 6120 sections 8.2.3 and 8.3.1 want none for a
// result or an error. A presence is never answered: nobody would act on it.
func Answerable(e *Element) bool {
	from := e.Attr("from")
	if from == "" || len(from) > maxAddress || len(e.Attr("to")) > maxAddress || len(e.Attr("id")) > MaxID {
		return false
	}
	switch kind := e.Attr("type"); e.Name.Local {
	case KindIQ:
		return kind != "result" && kind != "error"
	case KindMessage:
		return kind != "error"
	}
	return false
}
