package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxPatterns bounds how many names and patterns a stream or a ticket is for.
const maxPatterns = 64

// manyEvents streams the changes of all feeds that match a pattern and that the caller may read, also of those that are
// made later. Feeds that it may not read are left out without a word.
//
// @Summary     Follow several feeds
// @Description All that match and that you may read, also those that are made later. The ids of the events are places in the log that all feeds share; the revision of the feed is in the data.
// @ID          follow
// @Tags        Events
// @Param       feed          query  []string false "names" collectionFormat(multi)
// @Param       match         query  []string false "patterns" collectionFormat(multi)
// @Param       since         query  string   false "place"
// @Param       snapshot      query  bool     false "items first"
// @Param       Last-Event-ID header string   false "place"
// @Success     200 "The changes."
// @Failure     400,401,403,406,429,500,503 {object} problem
// @Router      /v1/events [get]
func (s *Server) manyEvents(c *call) error {
	q, err := c.query("feed*", "match*", "since", "snapshot", "ticket")
	if err != nil {
		return err
	}
	patterns, err := patternsOf(q)
	if err != nil {
		return err
	}
	if err := mayReadSome(c.who, patterns); err != nil {
		return err
	}
	who := c.who
	o := stream.ManyOptions{Match: patterns, Allow: func(feed thoonk.FeedName) bool { return who.Can(auth.Read, feed) }}
	if o.Since, o.Snapshot, err = c.streamStart(q); err != nil {
		return err
	}
	if err := c.wantsStream("events of several feeds"); err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		return c.headStream()
	}
	w := &eventWriter{
		w: c.Response(), snapshot: o.Snapshot, showing: o.Snapshot && o.Since.IsZero(),
		withActor: func(feed thoonk.FeedName) bool { return who.Can(auth.Admin, feed) },
	}
	return s.serveStream(c, w, func(ctx context.Context) (Follower, error) { return s.o.Streams.FollowMany(ctx, o) })
}

// patternsOf returns the patterns of a query. A name is the pattern that matches only itself, so feed and match are alike.
func patternsOf(q url.Values) ([]thoonk.Pattern, error) {
	var patterns []thoonk.Pattern
	for _, name := range []string{"feed", "match"} {
		for _, text := range q[name] {
			p, err := thoonk.ParsePattern(text)
			if err != nil {
				return nil, inQuery(err, name)
			}
			if len(patterns) == maxPatterns {
				return nil, inQuery(thoonk.E(thoonk.Invalid, "more than %d names and patterns", maxPatterns), name)
			}
			patterns = append(patterns, p)
		}
	}
	if patterns == nil {
		return nil, inQuery(thoonk.E(thoonk.Invalid, "at least one feed or match is needed: a name or a pattern"), "feed")
	}
	return patterns, nil
}

// mayReadSome returns nil if there could be a feed that one of the patterns matches and the principal may read.
func mayReadSome(who auth.Principal, patterns []thoonk.Pattern) error {
	for _, mine := range readable(who) {
		for _, p := range patterns {
			if overlap(mine, p) {
				return nil
			}
		}
	}
	return refuseReading(who, "nothing grants the right to %q any feed that you ask for", auth.Read)
}
