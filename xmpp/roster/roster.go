// Package roster knows whom the users of a server know, where the server lets a component read their rosters (XEP-0356).
package roster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Link is where rosters are asked for.
type Link interface {
	Request(ctx context.Context, to jid.JID, kind string, payload *stanza.Element) (*stanza.Element, error)
	RosterHosts() []string           // that have said that their rosters may be read
	RefusesRosters(host string) bool // that may not be asked
}

// Bounds on what is asked for and remembered.
const (
	lifetime   = 30 * time.Second // a roster is believed so long
	patience   = 10 * time.Second // with a server
	maxOwners  = 16               // of a node whose rosters are looked at
	maxRosters = 256
	maxKnown   = 100_000 // contacts in all rosters that are remembered
)

// Rosters are those of the users of one link's server, as they were not long ago. They are safe for concurrent use.
type Rosters struct {
	link Link
	log  *slog.Logger

	mu    sync.Mutex
	kept  map[string]roster // by the user's bare JID
	known int               // contacts in them
}

// roster is what one user's has; nothing if it could not be had.
type roster struct {
	contacts map[string]contact
	until    time.Time
}

type contact struct {
	sees   bool // the user's presence
	groups []string
}

// New returns the rosters that can be had over a link.
func New(link Link, log *slog.Logger) *Rosters {
	return &Rosters{link: link, log: log, kept: make(map[string]roster)}
}

// Offered reports whether some host lets its rosters be read.
func (r *Rosters) Offered() bool { return len(r.link.RosterHosts()) > 0 }

// Admits reports whether an owner of a node has a bare JID in the roster as the node's access model wants it: XEP-0060 section
// 4.5. Owners whose host does not let its rosters be read know nobody. Errors: Unavailable, if the link is not attached.
func (r *Rosters) Admits(ctx context.Context, node thoonk.Node, owners []string, bare string) (bool, error) {
	groups := node.Groups()
	for _, owner := range owners[:min(len(owners), maxOwners)] {
		contacts, err := r.of(ctx, owner)
		if err != nil {
			return false, err
		}
		c, there := contacts[bare]
		switch {
		case !there:
		case node.Access == thoonk.Presence && c.sees,
			node.Access == thoonk.Roster && slices.ContainsFunc(c.groups, func(g string) bool { return slices.Contains(groups, g) }):
			return true, nil
		}
	}
	return false, nil
}

// of returns the contacts of a user. That the host refuses is looked at each time: its permission ends before what is remembered does.
func (r *Rosters) of(ctx context.Context, owner string) (map[string]contact, error) {
	j, err := jid.Parse(owner)
	if err != nil || j.Localpart() == "" || r.link.RefusesRosters(j.Domainpart()) {
		return nil, nil //nolint:nilerr // no user of that host
	}
	r.mu.Lock()
	have, ok := r.kept[owner]
	r.mu.Unlock()
	if ok && time.Now().Before(have.until) {
		return have.contacts, nil
	}
	contacts, err := r.fetch(ctx, j)
	if err != nil {
		return nil, err
	}
	r.keep(owner, contacts)
	return contacts, nil
}

// fetch asks the server. A refusal, and an answer that does not come, are as good as an empty roster; that the link went away is
// not.
func (r *Rosters) fetch(ctx context.Context, owner jid.JID) (map[string]contact, error) {
	asking, cancel := context.WithTimeoutCause(ctx, patience, errSlow)
	defer cancel()
	answer, err := r.link.Request(asking, owner, "get", stanza.New(stanza.NSRoster, "query"))
	switch {
	case err == nil:
		return parse(answer), nil
	case ctx.Err() != nil, thoonk.KindOf(err) == thoonk.Unavailable && asking.Err() == nil:
		return nil, err
	}
	r.log.WarnContext(ctx, "xmpp: a roster cannot be read, and lets nobody in", "user", owner.String(), "error", err)
	return nil, nil
}

var errSlow = errors.New("the server takes too long")

func parse(query *stanza.Element) map[string]contact {
	contacts := make(map[string]contact)
	if query == nil {
		return contacts
	}
	for item := range query.Named(stanza.NSRoster, "item") {
		j, err := jid.Parse(item.Attr("jid"))
		if err != nil {
			continue
		}
		subscription := item.Attr("subscription")
		c := contact{sees: subscription == "from" || subscription == "both"}
		for g := range item.Named(stanza.NSRoster, "group") {
			c.groups = append(c.groups, g.Text())
		}
		contacts[j.Bare().String()] = c
	}
	return contacts
}

// keep remembers a roster. If there are too many all are forgotten, and asked for again by and by.
func (r *Rosters) keep(owner string, contacts map[string]contact) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known += len(contacts) - len(r.kept[owner].contacts)
	r.kept[owner] = roster{contacts, time.Now().Add(lifetime)}
	if len(r.kept) > maxRosters || r.known > maxKnown {
		clear(r.kept)
		r.known = 0
	}
}
