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

// source returns the source that the path names, if the caller may configure the feed that it goes into. Whoever may not
// does not learn whether it is there.
func (c *call) source() (source thoonk.Source, state thoonk.SourceState, err error) {
	name, err := sourceParam(c)
	if err == nil {
		err = c.noQuery()
	}
	if err == nil {
		source, state, err = c.s.o.Sources.Source(c.ctx(), name)
	}
	hidden := err == nil && !c.who.Can(auth.Configure, source.Feed)
	switch {
	case (hidden || thoonk.KindOf(err) == thoonk.NotFound) && c.who.Anonymous():
		return source, state, thoonk.E(thoonk.Unauthenticated, "anonymous callers may not see this source: send a token that grants %q on its feed", auth.Configure)
	case hidden:
		return source, state, thoonk.E(thoonk.NotFound, "no such source: %q", name)
	}
	return source, state, err
}

func sourceParam(c *call) (thoonk.FeedName, error) {
	s, err := segment(c.Param("source"))
	if err != nil {
		return "", inPath(err, "source")
	}
	name, err := thoonk.ParseFeedName(s)
	return name, inPath(err, "source")
}

// @Summary     Show a source
// @Description Its declaration, how it is, and what came in.
// @ID          getSource
// @Tags        Sources
// @Param       source path string true "name"
// @Success     200 {object} wireSource "The source."
// @Failure     400,401,403,404,429,500,503 {object} problem
// @Router      /v1/sources/{source} [get]
func (s *Server) getSource(c *call) error {
	source, state, err := c.source()
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, marshal(toWireSource(source, state)))
}

// @Summary     Declare a source
// @Description Its entries come into a feed, or as jobs into a job queue. It begins anew if its address or its feed is another now.
// @ID          putSource
// @Tags        Sources
// @Param       source path string true "name"
// @Success     200 {object} wireSource "It was there, and is as declared."
// @Success     201 {object} wireSource "It was made."
// @Header      201 {string} Location "where it is"
// @Failure     400,401,403,404,408,409,413,415,422,429,500,503 {object} problem
// @Router      /v1/sources/{source} [put]
func (s *Server) putSource(c *call) error {
	name, err := sourceParam(c)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
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
	return s.declareSource(c, source)
}

// @Summary     Change parts of a source
// @ID          patchSource
// @Tags        Sources
// @Param       source path string true "name"
// @Success     200 {object} wireSource "The source as it is now."
// @Failure     400,401,403,404,408,409,413,415,422,429,500,503 {object} problem
// @Router      /v1/sources/{source} [patch]
func (s *Server) patchSource(c *call) error {
	source, _, err := c.source()
	if err != nil {
		return err
	}
	data, err := c.patchBody()
	if err != nil {
		return err
	}
	if source, err = configuredSource(source, data, true); err != nil {
		return err
	}
	return s.declareSource(c, source)
}

// declareSource checks who declares what, and does it. One that has a name already is changed by those only who could
// have declared it.
func (s *Server) declareSource(c *call, source thoonk.Source) error {
	if err := source.Check(); err != nil {
		return inSource(err)
	}
	if err := c.who.Require(auth.Configure, source.Feed); err != nil {
		return err
	}
	old, _, err := s.o.Sources.Source(c.ctx(), source.Name)
	if err == nil && !c.who.Can(auth.Configure, old.Feed) {
		return thoonk.E(thoonk.Conflict, "the name is taken by a source of others")
	}
	if err != nil && thoonk.KindOf(err) != thoonk.NotFound {
		return err
	}
	if err := s.checkSource(c, source); err != nil {
		return inSource(err)
	}
	source.By, source.Config = c.who.Name, false
	source, created, err := s.o.Sources.PutSource(c.ctx(), source)
	if err != nil {
		return inSource(err)
	}
	s.o.Sources.Wake()
	_, state, err := s.o.Sources.Source(c.ctx(), source.Name)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		c.location(sourcePath(source.Name))
	}
	return c.send(status, marshal(toWireSource(source, state)))
}

// checkSource looks whether the source could work: its address may be dialled, its feed is there and takes entries.
func (s *Server) checkSource(c *call, source thoonk.Source) error {
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
// @Param       source path string true "name"
// @Success     204 "It is gone."
// @Failure     400,401,403,404,429,500,503 {object} problem
// @Router      /v1/sources/{source} [delete]
func (s *Server) deleteSource(c *call) error {
	source, state, err := c.source()
	if err != nil {
		return err
	}
	if err := s.o.Sources.DeleteSource(c.ctx(), source.Name); err != nil {
		return err
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
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/sources/{source}/refresh [post]
func (s *Server) refreshSource(c *call) error {
	source, state, err := c.source()
	if err != nil {
		return err
	}
	if source.Paused {
		return thoonk.E(thoonk.Conflict, "the source is paused")
	}
	if err := s.o.Sources.RefreshSource(c.ctx(), source.Name); err != nil {
		return err
	}
	s.o.Sources.Wake()
	return c.send(http.StatusAccepted, marshal(toWireSource(source, state)))
}

// configuredSource returns a source with what is given changed; null stands for the default.
func configuredSource(source thoonk.Source, data []byte, patch bool) (thoonk.Source, error) {
	members, err := parseObject(data)
	if err != nil {
		return source, err
	}
	for _, m := range members {
		if err := configureSource(&source, m, patch && isNull(m.value)); err != nil {
			return source, inBody(err, m.name)
		}
	}
	return source, nil
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
