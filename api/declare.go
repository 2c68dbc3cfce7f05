package api

import (
	"net/http"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// declarable is what is declared alike: feeds of both types, queues, and queues of jobs.
type declarable struct {
	of   thoonk.Type // what it is unless its declaration says otherwise, which only feeds can
	path func(thoonk.FeedName) string
	// parse returns a declaration with what is given changed. In a patch, null stands for the default.
	parse func(cfg thoonk.Config, data []byte, patch bool) (thoonk.Config, error)
	doc   func(thoonk.Feed) []byte // as those see it who may declare it
}

var feeds = declarable{
	of: thoonk.TypeFeed, path: feedPath, parse: configuredFeed,
	doc: func(f thoonk.Feed) []byte { return marshal(toWire(f)) },
}

// queues are those of a type.
func queues(t thoonk.Type) declarable {
	return declarable{
		of: t, path: func(name thoonk.FeedName) string { return queuePath(t, name) }, parse: configuredQueue,
		doc: func(f thoonk.Feed) []byte { return marshal(toWireQueue(f, true)) },
	}
}

// find returns one that is declared. A queue has to be of the type that the path is for.
func (s *Server) find(c *call, d declarable, name thoonk.FeedName) (thoonk.Feed, error) {
	if d.of == thoonk.TypeFeed {
		return s.o.Store.Feed(c.ctx(), name)
	}
	return s.queueOf(c, d.of, name)
}

// declare answers a PUT.
func (s *Server) declare(c *call, d declarable) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	put := thoonk.PutFeed{Name: name, If: w.cond, Once: c.once(w, data), Actor: c.who.Name}
	if put.Config, err = d.parse(thoonk.Config{Type: d.of}, data, false); err != nil {
		return err
	}
	if err := s.checkAccess(c.ctx(), name, put.Config); err != nil {
		return err
	}
	var before thoonk.Webhook
	if put.Config.Webhook.URL != "" && put.Config.Webhook.Secret == "" {
		present, err := s.o.Store.Feed(c.ctx(), name)
		if err != nil && thoonk.KindOf(err) != thoonk.NotFound {
			return err
		}
		before = present.Config.Webhook
	}
	if err := s.checkWebhook(c.ctx(), &put.Config, before); err != nil {
		return err
	}
	feed, created, err := s.o.Store.PutFeed(c.ctx(), put)
	if err != nil {
		return err
	}
	c.setETag(feed.Revision)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		c.location(d.path(name))
	}
	return c.send(status, d.doc(feed))
}

// redeclare answers a PATCH.
func (s *Server) redeclare(c *call, d declarable) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	data, err := c.patchBody()
	if err != nil {
		return err
	}
	put := thoonk.PutFeed{Name: name, Once: c.once(w, data), Actor: c.who.Name}
	var done thoonk.Feed
	err = patch(w, func() (thoonk.Revision, error) {
		feed, err := s.find(c, d, name)
		if err != nil {
			return feed.Revision, err
		}
		put.Config, err = d.parse(undeclaredHistory(feed.Config), data, true)
		if err == nil {
			err = s.checkAccess(c.ctx(), name, put.Config)
		}
		if err == nil && put.Config.Webhook != feed.Config.Webhook {
			err = s.checkWebhook(c.ctx(), &put.Config, feed.Config.Webhook)
		}
		return feed.Revision, err
	}, func(unchanged thoonk.Condition) error {
		put.If = unchanged
		done, _, err = s.o.Store.PutFeed(c.ctx(), put)
		return err
	})
	if err != nil {
		return err
	}
	c.setETag(done.Revision)
	return c.send(http.StatusOK, d.doc(done))
}

// remove answers a DELETE.
func (s *Server) remove(c *call, d declarable) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	if d.of != thoonk.TypeFeed && w.key == "" { // with a key it may be gone by the same request
		if _, err := s.queueOf(c, d.of, name); err != nil {
			return err
		}
	}
	err = s.o.Store.DeleteFeed(c.ctx(), thoonk.DeleteFeed{Name: name, If: w.cond, Once: c.once(w, nil), Actor: c.who.Name})
	if err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}
