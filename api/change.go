package api

import (
	"io"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// change is an event encoded for all its readers. Who did it is between two places that split the frame, so that
// readers who may not know are served from the same bytes.
type change struct {
	frame            []byte // without the id: that depends on the stream it goes out on
	actor, actorDone int
}

// encodeChange is the one function for [stream.Change.Encoded].
func encodeChange(e thoonk.Event) any {
	data, actor, actorDone := eventData(e)
	// Only the body can have line breaks, so all before it is on the first line of data.
	before := len("event: ") + len(e.Kind) + len("\ndata: ")
	return change{
		frame:     appendFrame(make([]byte, 0, before+len(data)+64), string(e.Kind), data),
		actor:     before + actor,
		actorDone: before + actorDone,
	}
}

// eventData is an event as JSON. Who did it is between two places in it.
func eventData(e thoonk.Event) (data []byte, actor, actorDone int) {
	data = make([]byte, 0, 256+len(e.Body))
	data = appendMember(append(data, '{'), "feed", string(e.Feed))
	data = appendRevision(data, e.Revision)
	data = appendMember(data, "kind", string(e.Kind))
	if e.ItemID != "" {
		data = appendMember(data, "id", string(e.ItemID))
	}
	data = appendWord(data, "reason", e.Reason)
	if !e.Position.IsZero() {
		data = appendPosition(data, e.Position)
	}
	data = appendTime(data, "at", e.Revision.Time())
	if e.Restated {
		data = appendTrue(data, "restated")
	}
	actor = len(data)
	if e.Actor != "" {
		data = appendMember(data, "actor", e.Actor)
	}
	actorDone = len(data)
	if e.HasBody() && e.Complete() { // never an empty body in place of one that the log left out
		data = appendContent(data, e.Content, e.Body)
	}
	return append(data, '}'), actor, actorDone
}

// writeChange writes a change with an id of the stream that it goes out on. The actor is for those who may see who did
// what.
func writeChange(w io.Writer, ch *stream.Change, id thoonk.Revision, withActor bool) error {
	c := ch.Encoded(encodeChange).(change)
	head := c.frame[:c.actor]
	if withActor {
		head = c.frame[:c.actorDone]
	}
	for _, p := range [][]byte{appendID(nil, id), head, c.frame[c.actorDone:]} {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}
