package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func sourcePath(name thoonk.FeedName) string { return "/v1/sources/" + escape(string(name)) }

// source returns the source that the path names, if the caller may see it.
func (c *call) source(name thoonk.FeedName) (source thoonk.Source, state thoonk.SourceState, err error) {
	source, state, err = c.s.o.Sources.Source(c.ctx(), name)
	if err == nil {
		err = c.mayConfigure(source)
	}
	return source, state, c.hidden(err, name)
}

// mayConfigure returns nil for who may configure the feed that a source goes into.
func (c *call) mayConfigure(s thoonk.Source) error { return c.who.Require(auth.Configure, s.Feed) }

// hidden answers who may not see a source as if it were not there, and anonymous callers in both cases that a token is needed.
func (c *call) hidden(err error, name thoonk.FeedName) error {
	switch thoonk.KindOf(err) {
	case thoonk.NotFound, thoonk.Forbidden, thoonk.Unauthenticated:
		if c.who.Anonymous() {
			return thoonk.E(thoonk.Unauthenticated, "anonymous callers may not see this source: send a token that grants %q on its feed", auth.Configure)
		}
		return thoonk.E(thoonk.NotFound, "no such source: %q", name)
	}
	return err
}

// @Summary     Show a source
// @Description Its declaration, how it is, and what came in. The entity tag is that of the declaration; how it is changes without.
// @ID          getSource
// @Tags        Sources
// @Param       source path string true "name"
// @Success     200 {object} wireSource "The source."
// @Header      200 {string} ETag "revision"
// @Failure     400,401,404,429,500,503 {object} problem
// @Router      /v1/sources/{source} [get]
func (s *Server) getSource(c *call) error {
	name, err := pathParam(c, "source", thoonk.ParseFeedName)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	source, state, err := c.source(name)
	if err != nil {
		return err
	}
	return c.sendSource(http.StatusOK, source, state)
}

func (c *call) sendSource(status int, source thoonk.Source, state thoonk.SourceState) error {
	c.setETag(source.Revision)
	return c.send(status, marshal(toWireSource(source, state)))
}

// @Summary     Declare a source
// @Description Its entries come into a feed, or as jobs into a job queue. It begins anew if its address or its feed is another now.
// @ID          putSource
// @Tags        Sources
// @Param       source          path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 {object} wireSource "It was there, and is as declared."
// @Success     201 {object} wireSource "It was made."
// @Header      200,201 {string} ETag "revision"
// @Header      201 {string} Location "where it is"
// @Failure     400,401,403,408,409,412,413,415,422,429,500,503 {object} problem
// @Router      /v1/sources/{source} [put]
func (s *Server) putSource(c *call) error {
	name, err := pathParam(c, "source", thoonk.ParseFeedName)
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
	source, err := configuredSource(thoonk.Source{Name: name, Kind: thoonk.WebFeed}, data, false)
	if err != nil {
		return err
	}
	if err := s.checkSource(c, source); err != nil {
		return err
	}
	known, created, err := s.declareSource(c, source, w.cond, c.once(w, data))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		c.location(sourcePath(name))
	}
	return c.sendSource(status, known.Source, known.State)
}

// @Summary     Change parts of a source
// @Description As a merge patch (RFC 7396). `{"paused": true}` lets nothing come in.
// @ID          patchSource
// @Tags        Sources
// @Param       source          path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 {object} wireSource "The source as it is now."
// @Header      200 {string} ETag "revision"
// @Failure     400,401,403,404,408,409,412,413,415,422,429,500,503 {object} problem
// @Router      /v1/sources/{source} [patch]
func (s *Server) patchSource(c *call) error {
	name, err := pathParam(c, "source", thoonk.ParseFeedName)
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
	source := thoonk.Source{Name: name}
	var done thoonk.KnownSource
	err = patch(w, func() (thoonk.Revision, error) {
		present, _, err := c.source(name)
		if err != nil {
			return present.Revision, err
		}
		if source, err = configuredSource(present, data, true); err == nil {
			err = s.checkSource(c, source)
		}
		return present.Revision, err
	}, func(unchanged thoonk.Condition) error {
		done, _, err = s.declareSource(c, source, unchanged, c.once(w, data))
		return err
	})
	if err != nil {
		return err
	}
	return c.sendSource(http.StatusOK, done.Source, done.State)
}

// declareSource declares a source that was checked. One that has a name already is changed by those only who could have
// declared it.
func (s *Server) declareSource(c *call, source thoonk.Source, cond thoonk.Condition, once thoonk.Once) (thoonk.KnownSource, bool, error) {
	source.By, source.Config = c.who.Name, false
	known, created, err := s.o.Sources.DeclareSource(c.ctx(), thoonk.DeclareSource{
		Source: source, If: cond, Once: once, May: func(old thoonk.Source) error {
			if c.mayConfigure(old) != nil {
				return thoonk.E(thoonk.Conflict, "the name is taken by a source of others")
			}
			return nil
		},
	})
	if err != nil {
		return known, false, inSource(err)
	}
	s.o.Sources.Wake()
	return known, created, nil
}

// checkSource looks whether the caller may declare the source, and whether it could work: its address may be dialled, its feed
// is there and takes entries.
func (s *Server) checkSource(c *call, source thoonk.Source) error {
	err := source.Check()
	if err == nil {
		err = c.mayConfigure(source)
	}
	if err == nil {
		err = s.checkEnds(c, source)
	}
	return inSource(err)
}

func (s *Server) checkEnds(c *call, source thoonk.Source) error {
	if source.Kind == thoonk.WebFeed {
		if err := s.o.Sources.CheckSource(c.ctx(), source.URL); err != nil {
			return inBody(err, "url")
		}
	}
	feed, err := s.o.Store.Feed(c.ctx(), source.Feed)
	if thoonk.KindOf(err) == thoonk.NotFound {
		return thoonk.E(thoonk.Unprocessable, "there is no feed %q: declare it first", source.Feed).In("feed")
	}
	if err != nil {
		return err
	}
	return s.o.Sources.CheckTarget(source.Kind, feed)
}

// inSource says of the field that an error names that it is one of the body.
func inSource(err error) error {
	if e, ok := errors.AsType[*thoonk.Error](err); ok && e.Field != "" && !strings.HasPrefix(e.Field, "/") {
		return inBody(err, e.Field)
	}
	return err
}

// @Summary     Remove a source
// @Description Its hub is told. What came in stays.
// @ID          deleteSource
// @Tags        Sources
// @Param       source          path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     204 "It is gone."
// @Failure     400,401,404,409,412,422,429,500,503 {object} problem
// @Router      /v1/sources/{source} [delete]
func (s *Server) deleteSource(c *call) error {
	name, err := pathParam(c, "source", thoonk.ParseFeedName)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	state, err := s.o.Sources.RemoveSource(c.ctx(), thoonk.RemoveSource{Name: name, If: w.cond, Once: c.once(w, nil), May: c.mayConfigure})
	if err != nil {
		return c.hidden(err, name)
	}
	s.o.Sources.Unsubscribe(c.ctx(), state)
	return c.noContent(http.StatusNoContent)
}

// @Summary     Look at a source now
// @Description It is looked at as soon as a process has time for it; the answer does not wait for that.
// @ID          refreshSource
// @Tags        Sources
// @Param       source path string true "name"
// @Success     202 {object} wireSource "The source as it was before."
// @Header      202 {string} ETag "revision"
// @Failure     400,401,404,409,429,500,501,503 {object} problem
// @Router      /v1/sources/{source}/refresh [post]
func (s *Server) refreshSource(c *call) error {
	name, err := pathParam(c, "source", thoonk.ParseFeedName)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	source, state, err := c.source(name)
	switch {
	case err != nil:
		return err
	case source.Paused:
		return thoonk.E(thoonk.Conflict, "the source is paused")
	}
	if err := s.o.Sources.RefreshSource(c.ctx(), name); err != nil {
		return err
	}
	s.o.Sources.Wake()
	return c.sendSource(http.StatusAccepted, source, state)
}

// configuredSource returns a source with what is given changed; null stands for the default.
func configuredSource(source thoonk.Source, data []byte, patch bool) (thoonk.Source, error) {
	err := eachMember(data, func(m member) error { return configureSource(&source, m, patch && isNull(m.value)) })
	return source, err
}

func configureSource(s *thoonk.Source, m member, reset bool) (err error) {
	var text string
	switch m.name {
	case "kind":
		text, err = asString(m.value)
		s.Kind = thoonk.SourceKind(text)
	case "url":
		s.URL, err = asString(m.value)
	case "feed":
		if text, err = asString(m.value); err == nil {
			s.Feed, err = thoonk.ParseFeedName(text)
		}
	case "min_interval":
		s.Min, err = sourceInterval(m.value, reset)
	case "max_interval":
		s.Max, err = sourceInterval(m.value, reset)
	case "link":
		if s.Link = ""; !reset {
			s.Link, err = asString(m.value)
		}
	case "hub":
		s.NoHub, err = asFlag(m.value, reset, true)
		s.NoHub = !s.NoHub
	case "paused":
		s.Paused, err = asFlag(m.value, reset, false)
	default:
		err = unknownMember(m.name, "kind", "url", "feed", "min_interval", "max_interval", "hub", "link", "paused")
	}
	return err
}

func asFlag(value json.RawMessage, reset, normal bool) (bool, error) {
	if reset {
		return normal, nil
	}
	return asBool(value)
}

// sourceInterval returns the duration that a JSON string is, as Go writes it; 0 for the default.
func sourceInterval(value json.RawMessage, reset bool) (time.Duration, error) {
	if reset {
		return 0, nil
	}
	text, err := asString(value)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, thoonk.E(thoonk.Invalid, `not a duration, as in "90s" or "6h"`)
	}
	return d, nil
}
