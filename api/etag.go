package api

import (
	"net/http"
	"slices"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// impossible is a revision that nothing ever has, since numbers count from 1. In Condition.Match it stands for the tags
// that match nothing: a list of only those must fail and not be taken for no list at all.
var impossible = thoonk.Revision{Number: 0, Stamp: 1}

func etag(r thoonk.Revision) string { return `"` + r.String() + `"` }

func (c *call) setETag(r thoonk.Revision) {
	if !r.IsZero() {
		c.Response().Header().Set("ETag", etag(r))
	}
}

// condition returns the preconditions of a request (RFC 9110 section 13.1).
func (c *call) condition() (thoonk.Condition, error) {
	var cond thoonk.Condition
	match, err := parseTags(c.Request().Header.Values("If-Match"))
	if err != nil {
		return cond, inHeader(err, "If-Match")
	}
	none, err := parseTags(c.Request().Header.Values("If-None-Match"))
	if err != nil {
		return cond, inHeader(err, "If-None-Match")
	}
	cond.MatchAny, cond.NoneAny = match.any, none.any
	for _, t := range match.tags {
		r, err := thoonk.ParseRevision(t.opaque)
		if t.weak || err != nil { // section 13.1.1: a strong comparison
			r = impossible
		}
		cond.Match = append(cond.Match, r)
	}
	for _, t := range none.tags { // section 13.1.2: a weak comparison
		if r, err := thoonk.ParseRevision(t.opaque); err == nil {
			cond.NoneMatch = append(cond.NoneMatch, r)
		}
	}
	return cond, nil
}

// checkCondition evaluates a condition for something that is there, in the order of RFC 9110 section 13.2.2, as the store does.
func checkCondition(cond thoonk.Condition, present thoonk.Revision) error {
	stale := thoonk.E(thoonk.Stale, "the present revision is %s", present)
	switch {
	case cond.Match != nil && !slices.Contains(cond.Match, present):
		return inHeader(stale, "If-Match")
	case cond.NoneAny || slices.Contains(cond.NoneMatch, present):
		return inHeader(stale, "If-None-Match")
	}
	return nil
}

// fresh sets the ETag of what was read and evaluates the preconditions. It reports whether the client has it already.
func (c *call) fresh(present thoonk.Revision) (bool, error) {
	cond, err := c.condition()
	if err != nil {
		return false, err
	}
	if err := checkCondition(thoonk.Condition{Match: cond.Match}, present); err != nil {
		return false, err
	}
	c.setETag(present)
	return checkCondition(thoonk.Condition{NoneAny: cond.NoneAny, NoneMatch: cond.NoneMatch}, present) != nil, nil
}

// freshList is fresh for something whose tag is weak, which no list of strong ones matches (section 13.1.1).
func (c *call) freshList(present thoonk.Revision) (bool, error) {
	cond, err := c.condition()
	if err != nil {
		return false, err
	}
	if cond.Match != nil {
		return false, inHeader(thoonk.E(thoonk.Stale, "a list has a weak entity tag, which If-Match never matches"), "If-Match")
	}
	if !present.IsZero() {
		c.Response().Header().Set("ETag", "W/"+etag(present))
	}
	return checkCondition(cond, present) != nil, nil
}

// sendFresh answers a read: 304 if the client has that revision, else the document.
func (c *call) sendFresh(present thoonk.Revision, doc func() []byte) error {
	has, err := c.fresh(present)
	if err != nil {
		return err
	}
	if has {
		return c.noContent(http.StatusNotModified)
	}
	return c.send(http.StatusOK, doc())
}
