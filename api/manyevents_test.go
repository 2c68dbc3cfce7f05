package api

import (
	"bufio"
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestManyEvents(t *testing.T) {
	e := newEdge(t, nil)
	resp := e.openStream("/v1/events?feed=f&feed=a%2Fb&match=team:*", as("all"))
	a := answer{t: t, status: resp.StatusCode, header: resp.Header}
	a.is(200).has("Content-Type", "text/event-stream").has("Cache-Control", "no-store").has("Vary", "Authorization\nAccept")
	b := bufio.NewReader(resp.Body)
	reads(t, b, "retry: 2000\n\n")
	if o := e.streams.many; !reflect.DeepEqual(o.Match, []thoonk.Pattern{"f", "a/b", "team:*"}) || !o.Since.IsZero() || o.Snapshot || !o.Allow("x") {
		t.Errorf("asked for %+v", o)
	}
	e.streams.steps <- stream.Step{Kind: stream.Live, Revision: rev(100)}
	reads(t, b, ": live\nid: 100-1763874399000100\n\n")
	// The id is the place in the log; the data are those of every other stream.
	ch := published(3, "1")
	ch.Place = rev(101)
	e.streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{ch, published(3, "1")}}
	_, frame, _ := strings.Cut(publishFrame, "\n")
	reads(t, b, "id: 101-1763874399000101\n"+frame+frame) // one of the history has no place: the client keeps the id it has
	e.streams.steps <- stream.Step{Kind: stream.Reset, Feed: "f", Revision: rev(9)}
	const detail = "\"detail\":\"changes after your last id are not in the history: read the items again\"}\n\n"
	reads(t, b, "id: 9-1763874399000009\nevent: reset\ndata: {\"feed\":\"f\",\"place\":\"9-1763874399000009\","+detail)
	e.streams.steps <- stream.Step{Kind: stream.Reset, Revision: rev(200)}
	reads(t, b, "id: 200-1763874399000200\nevent: reset\ndata: {\"place\":\"200-1763874399000200\","+detail)
	e.server.EndStreams()
	<-e.streams.closed
}

func TestManyEventsWithSnapshot(t *testing.T) {
	e := newEdge(t, nil)
	b := bufio.NewReader(e.openStream("/v1/events?match=*&snapshot=true&since="+rev(1).String(), as("admin", "Last-Event-ID", rev(5).String())).Body)
	reads(t, b, "retry: 2000\n\n")
	if o := e.streams.many; !o.Snapshot || o.Since != rev(5) {
		t.Errorf("asked for %+v", o)
	}
	e.streams.steps <- stream.Step{Kind: stream.Reset, Revision: rev(9)}
	reads(t, b, "event: reset\ndata: {\"place\":\"9-1763874399000009\",\"detail\":\"changes after your last id are not in the history: the items follow\"}\n\n")
	e.streams.steps <- stream.Step{Kind: stream.Items, Feed: "f", Content: thoonk.Binary, Items: []thoonk.Item{{ID: "x", Revision: rev(1), Body: []byte{1}}}}
	e.streams.steps <- stream.Step{Kind: stream.Items, Feed: "g", Items: []thoonk.Item{{ID: "y", Revision: rev(2), Body: []byte("1")}}}
	reads(t, b, "event: item\ndata: {\"feed\":\"f\",\"id\":\"x\",\"revision\":\"1-1763874399000001\",\"base64\":\"AQ==\"}\n\n"+
		"event: item\ndata: {\"feed\":\"g\",\"id\":\"y\",\"revision\":\"2-1763874399000002\",\"body\":1}\n\n")
	e.streams.steps <- stream.Step{Kind: stream.Live, Revision: rev(100)}
	reads(t, b, "id: 100-1763874399000100\nevent: live\ndata: {\"place\":\"100-1763874399000100\"}\n\n")
	// Of one feed, after the snapshot, no items follow; during it, as below, they do, and the client may not go on from there.
	e.streams.steps <- stream.Step{Kind: stream.Reset, Feed: "g", Revision: rev(103)}
	reads(t, b, "id: 103-1763874399000103\nevent: reset\ndata: {\"feed\":\"g\",\"place\":\"103-1763874399000103\",\"detail\":\"changes after your last id are not in the history: read the items again\"}\n\n")
}

func TestManyEventsResetInSnapshot(t *testing.T) {
	e := newEdge(t, nil)
	b := bufio.NewReader(e.openStream("/v1/events?match=*&snapshot=true", as("all")).Body)
	reads(t, b, "retry: 2000\n\n")
	e.streams.steps <- stream.Step{Kind: stream.Reset, Feed: "g", Revision: rev(3)}
	reads(t, b, "event: reset\ndata: {\"feed\":\"g\",\"place\":\"3-1763874399000003\",\"detail\":\"changes after your last id are not in the history: the items follow\"}\n\n")
}

// Who may not read all gets what it may read; who may read none of it is told so.
func TestManyEventsRights(t *testing.T) {
	e := newEdge(t, nil)
	e.openStream("/v1/events?match=team:*&feed=secret", as("team"))
	if allow := e.streams.many.Allow; !allow("team:353:x") || allow("team:354:x") || allow("secret") {
		t.Error("the rights are others")
	}
	e.do("GET", "/v1/events?feed=secret&match=team:354:*", "", as("team")).problem(403, "forbidden")
	e.do("GET", "/v1/events?match=*", "", as("writer")).problem(403, "forbidden")
	e.do("GET", "/v1/events?match=*", "", nil).has("WWW-Authenticate", realm).problem(401, "unauthenticated")
	e.do("GET", "/v1/events?match=*", "", as("bad")).problem(401, "unauthenticated")
	e.auth.public = grants("blog", auth.Read)
	e.do("HEAD", "/v1/events?match=b*", "", nil).is(200).has("Content-Type", "text/event-stream")
	e.do("HEAD", "/v1/events?match=c*", "", nil).is(401)
}

// Each reader sees the actor where it is an administrator.
func TestManyEventsActor(t *testing.T) {
	who := auth.Principal{Grants: append(grants("*", auth.Read), grants("f", auth.Admin)...)}
	w := &eventWriter{withActor: func(feed thoonk.FeedName) bool { return who.Can(auth.Admin, feed) }}
	for feed, want := range map[thoonk.FeedName]int{"f": 1, "g": 0} {
		ch := published(3, "1")
		ch.Feed = feed
		var b bytes.Buffer
		if err := writeChange(&b, ch, ch.Place, w.withActor(feed)); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), `"actor"`); n != want || strings.Contains(b.String(), "id: ") {
			t.Errorf("%s: %s", feed, &b)
		}
	}
}

func TestManyEventsFaults(t *testing.T) {
	e := newEdge(t, nil)
	for query, place := range map[string]string{
		"": "?feed", "?snapshot=true": "?feed", "?feed=": "?feed", "?match=": "?match", "?feed=%00": "?feed", "?match=a&match=%FF": "?match",
		"?feed=a&since=x": "?since", "?feed=a&snapshot=1": "?snapshot", "?feed=a&limit=1": "?limit", "?feed=a&since=1-2&since=1-2": "?since",
		"?" + strings.Repeat("feed=a&", 40) + strings.Repeat("match=a&", 25): "?match",
	} {
		e.do("GET", "/v1/events"+query, "", as("all")).faults(400, "invalid", place)
	}
	e.do("GET", "/v1/events?feed=a", "", as("all", "Accept", "application/json")).problem(406, "not_acceptable")
	e.do("GET", "/v1/events?feed=a", "", as("all", "Last-Event-ID", "x")).faults(400, "invalid", "Last-Event-ID:")
	e.streams.fail = thoonk.E(thoonk.Unavailable, "Redis is away")
	e.do("GET", "/v1/events?"+strings.Repeat("feed=a&", 64), "", as("all")).problem(503, "unavailable")
	if n := e.server.Streams(); n != 0 {
		t.Errorf("%d streams are counted", n)
	}
}
