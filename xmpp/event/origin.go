package event

import (
	"strconv"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Origin says where a change was made first, and when. A mirror passes it on unchanged, so however many of them a change goes
// through, each can tell whether it has seen it before and whether something newer happened meanwhile.
type Origin struct {
	Stamp   uint64 // microseconds since 1970
	Service string // the address of the pubsub service
	Node    string
}

// actorPrefix begins the name of who made a mirrored change.
const actorPrefix = "mirror:"

// maxOrigin is the longest origin that is read: a domain, a node, a number.
const maxOrigin = 1023 + 1023 + 32

// String returns "stamp service node". Only the node may have spaces in it.
func (o Origin) String() string {
	return strconv.FormatUint(o.Stamp, 10) + " " + o.Service + " " + o.Node
}

// Actor returns the origin as the actor of a change that a mirror applies.
func (o Origin) Actor() string { return actorPrefix + o.String() }

// Time returns when the change was made, by the clock of where it was made.
func (o Origin) Time() time.Time { return time.UnixMicro(int64(o.Stamp)).UTC() }

// Newer reports whether o was made after other. Of two changes of one moment all mirrors take the same one.
func (o Origin) Newer(other Origin) bool {
	if o.Stamp != other.Stamp {
		return o.Stamp > other.Stamp
	}
	if o.Service != other.Service {
		return o.Service > other.Service
	}
	return o.Node > other.Node
}

// ParseOrigin reads what [Origin.String] writes, and reports whether it is that.
func ParseOrigin(s string) (o Origin, ok bool) {
	if len(s) > maxOrigin {
		return o, false
	}
	stamp, rest, _ := strings.Cut(s, " ")
	service, node, found := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(stamp, 10, 63)
	if !found || err != nil || node == "" {
		return o, false
	}
	j, err := jid.Parse(service)
	return Origin{Stamp: n, Service: service, Node: node}, err == nil && j.String() == service
}

// OriginOf returns where a change of a feed was made first: elsewhere if a mirror brought it, else on the service with this
// address.
func OriginOf(ev thoonk.Event, service string) Origin {
	if o, ok := mirrored(ev); ok {
		return o
	}
	return Origin{Stamp: ev.Revision.Stamp, Service: service, Node: string(ev.Feed)}
}

func mirrored(ev thoonk.Event) (Origin, bool) {
	text, found := strings.CutPrefix(ev.Actor, actorPrefix)
	if !found {
		return Origin{}, false
	}
	return ParseOrigin(text)
}
