package api

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// history answers with a page of a feed's changes, from the oldest that is kept or after a revision.
func (s *Server) history(c *call, feed thoonk.FeedName) error {
	if c.Request().URL.Query().Has("ticket") {
		return inQuery(thoonk.E(thoonk.Invalid, "a ticket opens event streams only"), "ticket")
	}
	q, err := c.query("since", "limit")
	if err != nil {
		return err
	}
	return s.historyPage(c, feed, feedPath(feed)+"/events", q, nil)
}

// historyPage answers with a page of those changes that admits admits, nil for all. Of a page that is read all may be left out.
func (s *Server) historyPage(c *call, feed thoonk.FeedName, path string, q url.Values, admits func(thoonk.Event) bool) (err error) {
	query := thoonk.ChangeQuery{Feed: feed}
	if query.After, err = sinceOf(q); err != nil {
		return err
	}
	if query.Limit, err = limit(q); err != nil {
		return err
	}
	page, err := s.o.Store.Changes(c.ctx(), query)
	if thoonk.KindOf(err) == thoonk.Gone {
		err = inQuery(err, "since")
	}
	if err != nil {
		return err
	}
	next := thoonk.Revision{}
	if n := len(page.Changes); n > 0 {
		last := page.Changes[n-1].Revision
		if last.Number < page.Revision.Number {
			next = last
			q.Set("since", next.String())
			c.linkNext(path, q)
		} else {
			page.Revision = last // it may have come since the feed was looked at
		}
	}
	if admits != nil {
		page.Changes = slices.DeleteFunc(page.Changes, func(e thoonk.Event) bool { return !admits(e) })
	}
	c.Response().Header().Add("Vary", "Accept")
	return c.sendList(http.StatusOK, historyDoc(page, next, c.who.Can(auth.Admin, feed)))
}

// historyDoc is a page of history, with what an event stream would show of each change.
func historyDoc(page thoonk.ChangePage, next thoonk.Revision, withActor bool) []byte {
	dst := appendList([]byte{'{'}, "changes", page.Changes, func(dst []byte, e thoonk.Event) []byte {
		data, actor, actorDone := eventData(e)
		if withActor {
			actor = actorDone
		}
		return append(append(dst, data[:actor]...), data[actorDone:]...)
	})
	dst = appendRevision(dst, page.Revision)
	return append(appendRevisionAs(dst, "next", next), '}')
}
