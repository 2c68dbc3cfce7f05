package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// query returns the query's parameters. One that is not among the known ones, or comes twice, is an error: a typing
// mistake must not change the meaning of a request in silence. Those that are known with a "*" behind may come more than
// once.
func (c *call) query(known ...string) (url.Values, error) {
	q, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return nil, thoonk.E(thoonk.Invalid, "the query is not well formed")
	}
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch many := slices.Contains(known, name+"*"); {
		case many:
		case len(known) == 0:
			return nil, inQuery(thoonk.E(thoonk.Invalid, "unknown parameter %q; there are none here", name), name)
		case !slices.Contains(known, name):
			return nil, inQuery(thoonk.E(thoonk.Invalid, "unknown parameter %q; there are %s", name, strings.ReplaceAll(strings.Join(known, ", "), "*", "")), name)
		case len(q[name]) > 1:
			return nil, inQuery(thoonk.E(thoonk.Invalid, "%s is given more than once", name), name)
		}
	}
	return q, nil
}

// noQuery refuses all parameters.
func (c *call) noQuery() error {
	_, err := c.query()
	return err
}

// limit returns how long a page may be.
func limit(q url.Values) (int, error) {
	if !q.Has("limit") {
		return defaultLimit, nil
	}
	n, err := strconv.ParseUint(q.Get("limit"), 10, 16)
	if err != nil || n < 1 || n > maxLimit {
		return 0, inQuery(thoonk.E(thoonk.Invalid, "limit is a whole number from 1 to %d", maxLimit), "limit")
	}
	return int(n), nil
}

// boolOf returns a parameter that is true or false, by default false.
func boolOf(q url.Values, name string) (bool, error) {
	switch q.Get(name) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	if q.Has(name) {
		return false, inQuery(thoonk.E(thoonk.Invalid, "%s is true or false", name), name)
	}
	return false, nil
}
