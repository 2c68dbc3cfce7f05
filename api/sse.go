package api

import (
	"bytes"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

const (
	retryFrame     = "retry: 2000\n\n" // milliseconds before a client connects again
	heartbeatFrame = ": \n\n"
)

// appendID appends an id line. There is none for the zero revision: a client then keeps the id it has.
func appendID(dst []byte, r thoonk.Revision) []byte {
	if r.IsZero() {
		return dst
	}
	dst = append(dst, "id: "...)
	dst = append(dst, r.String()...)
	return append(dst, '\n')
}

// appendFrame appends one event. Data is JSON, in which line breaks can only be insignificant white space: each kind of
// them ends a line of data, and the client joins the lines with "\n".
func appendFrame(dst []byte, event string, data []byte) []byte {
	dst = append(dst, "event: "+event+"\n"...)
	for more := true; more; {
		var line []byte
		line, data, more = cutLine(data)
		dst = append(dst, "data: "...)
		dst = append(dst, line...)
		dst = append(dst, '\n')
	}
	return append(dst, '\n')
}

// cutLine cuts the first line off, which ends with "\r\n", "\n" or "\r".
func cutLine(b []byte) (line, rest []byte, more bool) {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 {
		return b, nil, false
	}
	end := i + 1
	if b[i] == '\r' && end < len(b) && b[end] == '\n' {
		end++
	}
	return b[:i], b[end:], true
}

// appendItemFrame appends an item of a snapshot. It has no id: a client cannot go on from the middle of a snapshot. Of an item that was
// removed meanwhile it says only that, and its retract follows.
func appendItemFrame(dst []byte, feed thoonk.FeedName, item thoonk.Item, content thoonk.Content) []byte {
	data := appendMember([]byte{'{'}, "feed", string(feed))
	if item.Revision.IsZero() {
		data = append(appendName(appendMember(data, "id", string(item.ID)), "removed"), "true}"...)
	} else {
		data = append(appendItem(data, item, content), '}')
	}
	return appendFrame(dst, "item", data)
}

// appendLive says that the snapshot of a feed is complete.
func appendLive(dst []byte, feed thoonk.FeedName, r thoonk.Revision) []byte {
	data := appendMember([]byte{'{'}, "feed", string(feed))
	data = append(appendRevision(data, r), '}')
	return appendFrame(appendID(dst, r), "live", data)
}

// appendManyLive says that the snapshot of several feeds is complete. They have no revision in common, but a place in
// the log.
func appendManyLive(dst []byte, place thoonk.Revision) []byte {
	data := append(appendRevisionAs([]byte{'{'}, "place", place), '}')
	return appendFrame(appendID(dst, place), "live", data)
}

// appendPlace gives the client an id to go on from and, having no data, is no event.
func appendPlace(dst []byte, r thoonk.Revision) []byte {
	dst = append(dst, ": live\n"...)
	return append(appendID(dst, r), '\n')
}

// appendReset says that changes of a feed are missing. Where its items follow it has no id: whoever loses the connection
// before the end of the snapshot must be told again.
func appendReset(dst []byte, feed thoonk.FeedName, r thoonk.Revision, itemsFollow bool) []byte {
	data := appendRevision(appendMember([]byte{'{'}, "feed", string(feed)), r)
	return appendResetData(dst, data, r, itemsFollow)
}

// appendManyReset says the same of one of several feeds or, without a name, of all of them.
func appendManyReset(dst []byte, feed thoonk.FeedName, place thoonk.Revision, itemsFollow bool) []byte {
	data := []byte{'{'}
	if feed != "" {
		data = appendMember(data, "feed", string(feed))
	}
	return appendResetData(dst, appendRevisionAs(data, "place", place), place, itemsFollow)
}

func appendResetData(dst, data []byte, id thoonk.Revision, itemsFollow bool) []byte {
	detail := "changes after your last id are not in the history: the items follow"
	if !itemsFollow {
		dst = appendID(dst, id)
		detail = "changes after your last id are not in the history: read the items again"
	}
	return appendFrame(dst, "reset", append(appendMember(data, "detail", detail), '}'))
}
