package api

import (
	"net/http"
	"net/url"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Rights are looked at after the store has answered, so a page may need several questions; each request asks at most so
// many, and gives the client a cursor to go on with.
const (
	maxScans = 10
	minScan  = 100 // feeds asked for at once
)

type feedPage struct {
	Feeds []wireFeed `json:"feeds"`
	Next  string     `json:"next,omitempty"`
}

// @Summary     List feeds
// @Description Those that you may read, in the order of their names.
// @ID          listFeeds
// @Tags        Feeds
// @Param       match  query string false "pattern"
// @Param       type   query string false "type"
// @Param       limit  query int    false "length"
// @Param       cursor query string false "cursor"
// @Success     200 {object} feedPage "A page of feeds."
// @Header      200 {string} Link "the next page"
// @Failure     400,401,429,500,503 {object} problem
// @Router      /v1/feeds [get]
func (s *Server) listFeeds(c *call) error {
	mine := readable(c.who)
	if len(mine) == 0 && c.who.Anonymous() {
		return thoonk.E(thoonk.Unauthenticated, "anonymous callers may read no feed: send a token")
	}
	q, err := c.query("match", "type", "limit", "cursor")
	if err != nil {
		return err
	}
	query, err := feedQuery(q)
	if err != nil {
		return err
	}
	list := listOf("feeds", q.Get("match"), q.Get("type"))
	after, err := list.start(q)
	if err != nil {
		return err
	}
	if after != "" {
		if query.After, err = thoonk.ParseFeedName(after); err != nil {
			return badCursor()
		}
	}
	page := feedPage{Feeds: []wireFeed{}}
	if len(mine) > 0 {
		if query.Match == "" {
			query.Match = covering(mine)
		}
		next, err := s.scanFeeds(c, query, &page)
		if err != nil {
			return err
		}
		page.Next = c.next(list, "/v1/feeds", q, string(next))
	}
	return c.sendList(http.StatusOK, marshal(page))
}

// scanFeeds fills the page with up to query.Limit feeds that the caller may read. It returns the name after which the
// next page begins, or "" if all were seen.
func (s *Server) scanFeeds(c *call, query thoonk.FeedQuery, page *feedPage) (next thoonk.FeedName, err error) {
	size := query.Limit
	query.Limit = max(size+1, minScan)
	for range maxScans {
		feeds, err := s.o.Store.Feeds(c.ctx(), query)
		if err != nil {
			return "", err
		}
		for _, f := range feeds {
			if !c.who.Can(auth.Read, f.Name) {
				continue
			}
			if len(page.Feeds) == size {
				return page.Feeds[size-1].Name, nil
			}
			page.Feeds = append(page.Feeds, toWire(f))
		}
		if len(feeds) < query.Limit {
			return "", nil
		}
		query.After = feeds[len(feeds)-1].Name
	}
	return query.After, nil
}

func feedQuery(q url.Values) (thoonk.FeedQuery, error) {
	var query thoonk.FeedQuery
	var err error
	if q.Has("match") {
		if query.Match, err = thoonk.ParsePattern(q.Get("match")); err != nil {
			return query, inQuery(err, "match")
		}
	}
	if q.Has("type") {
		query.Type = thoonk.Type(q.Get("type"))
		switch query.Type {
		case thoonk.TypeFeed, thoonk.TypeSortedFeed, thoonk.TypeQueue, thoonk.TypeJob, thoonk.TypePyQueue:
		default:
			return query, inQuery(thoonk.E(thoonk.Invalid, "type is one of feed, sorted_feed, queue, job and pyqueue"), "type")
		}
	}
	query.Limit, err = limit(q)
	return query, err
}
