package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Verb is one thing that a grant allows on the feeds it matches.
type Verb string

// The verbs. None includes another, but for [Admin].
const (
	Read      Verb = "read"      // see feeds, items and events
	Publish   Verb = "publish"   // publish, edit and move items
	Retract   Verb = "retract"   // remove items
	Configure Verb = "configure" // create, configure and delete feeds
	Submit    Verb = "submit"    // put in a queue, submit jobs, and follow or cancel one's own
	Work      Verb = "work"      // get from a queue; claim, finish, cancel and stall jobs
	Admin     Verb = "admin"     // all of these, and see who did what
)

// verbs in the order in which messages list them.
var verbs = []Verb{Read, Publish, Retract, Configure, Submit, Work, Admin}

// Grant allows some verbs on the feeds whose names match.
type Grant struct {
	Match thoonk.Pattern `json:"match" yaml:"match"`
	Can   []Verb         `json:"can" yaml:"can"`
}

// Allows reports whether the grant covers the verb on the feed.
func (g Grant) Allows(v Verb, feed thoonk.FeedName) bool {
	return (slices.Contains(g.Can, v) || slices.Contains(g.Can, Admin)) && g.Match.Match(feed)
}

// ParseGrant reads the form of the command line: "team:353:*=read,publish". The last "=" ends the match, since names
// may contain one. Its errors say what is wrong, and leave it to the caller to say where.
func ParseGrant(s string) (Grant, error) {
	i := strings.LastIndexByte(s, '=')
	if i < 0 {
		return Grant{}, errors.New(`a grant is written match=verb,verb, as in "team:353:*=read,publish"`)
	}
	return newGrant(s[:i], strings.Split(s[i+1:], ","))
}

// UnmarshalJSON reads {"match": "team:353:*", "can": ["read", "publish"]}. Any other field is an error: one that was
// meant to narrow the grant and is not understood must not widen it.
func (g *Grant) UnmarshalJSON(b []byte) error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) != nil || fields == nil {
		return errors.New(`a grant is an object with "match" and "can"`)
	}
	var match string
	if json.Unmarshal(fields["match"], &match) != nil {
		return errors.New(`a grant needs a "match" that is a text`)
	}
	var can []string
	if json.Unmarshal(fields["can"], &can) != nil {
		return errors.New(`a grant needs a "can" that is a list of verbs`)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "match" && name != "can" {
			return fmt.Errorf("a grant has no field %q", name)
		}
	}
	var err error
	*g, err = newGrant(match, can)
	return err
}

func newGrant(match string, can []string) (Grant, error) {
	pattern, err := thoonk.ParsePattern(match)
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		return Grant{}, fmt.Errorf("match %q: %s", match, e.Public)
	}
	if len(can) == 0 {
		return Grant{}, fmt.Errorf("the grant on %q allows nothing: it lists no verb", match)
	}
	g := Grant{Match: pattern, Can: make([]Verb, len(can))}
	for i, s := range can {
		if !slices.Contains(verbs, Verb(s)) {
			return Grant{}, fmt.Errorf("unknown verb %q; the verbs are %s", s, listed(verbs))
		}
		g.Can[i] = Verb(s)
	}
	return g, nil
}

func listed(verbs []Verb) string {
	var b strings.Builder
	for i, v := range verbs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}
