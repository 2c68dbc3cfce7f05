// Package rsm pages through lists (XEP-0059).
package rsm

import (
	"math"
	"strconv"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// NS is the namespace of result sets.
const NS = "http://jabber.org/protocol/rsm"

// Query is what a page is asked for by. The zero value asks for everything.
type Query struct {
	Asked    bool   // there was a set at all
	Max      int    // items at most; negative: not given. 0 asks for the count alone
	After    string // the page follows this one
	Before   string // the page is before this one
	Backward bool   // Before was given: where it is empty, the last page is wanted
	Index    int    // the page begins with the item at this place; negative: not given
}

// Parse reads the set in e, if there is one. The error is an Invalid one.
func Parse(e *stanza.Element) (Query, error) {
	q := Query{Max: -1, Index: -1}
	var set *stanza.Element
	for c := range e.Named(NS, "set") {
		if set != nil {
			return q, thoonk.E(thoonk.Invalid, "one set is asked for at a time")
		}
		set = c
	}
	if set == nil {
		return q, nil
	}
	q.Asked = true
	var err error
	for c := range set.Children() {
		if c.Name.Space != NS || err != nil {
			continue
		}
		switch c.Name.Local {
		case "max":
			q.Max, err = number(c)
		case "index":
			q.Index, err = number(c)
		case "after":
			q.After = c.Text()
		case "before":
			q.Before, q.Backward = c.Text(), true
		}
	}
	if err == nil && (q.After != "" && q.Backward || q.Index >= 0 && (q.After != "" || q.Backward)) {
		err = thoonk.E(thoonk.Invalid, "after, before and index of a set are alternatives")
	}
	return q, err
}

func number(e *stanza.Element) (int, error) {
	n, err := strconv.Atoi(e.Text())
	if err != nil || n < 0 {
		return -1, thoonk.E(thoonk.Invalid, "%s of a set is a whole number", e.Name.Local)
	}
	return min(n, math.MaxInt32), nil // no list is longer, and sums stay numbers
}

// Limit returns how many items the page may have, of at most most.
func (q Query) Limit(most int) int {
	if q.Max < 0 || q.Max > most {
		return most
	}
	return q.Max
}

// Result says what page was given. Index is the place of First in the whole list; negative: not known. So is Count.
type Result struct {
	First, Last  string
	Index, Count int
}

// Element returns the result as XML.
func (r Result) Element() *stanza.Element {
	set := stanza.New(NS, "set")
	if r.First != "" || r.Last != "" {
		first := stanza.New(NS, "first").AddText(r.First)
		if r.Index >= 0 {
			first.Set("index", strconv.Itoa(r.Index))
		}
		set.Add(first, stanza.New(NS, "last").AddText(r.Last))
	}
	if r.Count >= 0 {
		set.Add(stanza.New(NS, "count").AddText(strconv.Itoa(r.Count)))
	}
	return set
}

// MaxBytes is how long the entries of a page may be together; one may always be in it.
const MaxBytes = 200 << 10

// Page cuts a page out of a whole list, whose entries key tells apart. Where size is given, what it says of them is at most MaxBytes
// together. An error is NotFound where the entry that the page is relative to is not in the list.
func Page[T any](q Query, list []T, most int, key func(T) string, size func(T) int) ([]T, Result, error) {
	start, end := 0, len(list)
	find := func(name string) (int, error) {
		for i, v := range list {
			if key(v) == name {
				return i, nil
			}
		}
		return 0, thoonk.E(thoonk.NotFound, "the list has no %q", name)
	}
	limit := q.Limit(most)
	switch {
	case q.After != "":
		i, err := find(q.After)
		if err != nil {
			return nil, Result{}, err
		}
		start = i + 1
	case q.Before != "":
		i, err := find(q.Before)
		if err != nil {
			return nil, Result{}, err
		}
		end = i
	case q.Index > 0:
		start = min(q.Index, end)
	}
	if q.Backward {
		start = max(start, end-limit)
	} else {
		end = min(end, start+limit)
	}
	if size != nil {
		start, end = fit(list, start, end, q.Backward, size)
	}
	page, r := list[start:end], Result{Index: start, Count: len(list)}
	if len(page) > 0 {
		r.First, r.Last = key(page[0]), key(page[len(page)-1])
	}
	return page, r, nil
}

// fit shortens a page, at the end that is away from where it begins.
func fit[T any](list []T, start, end int, backward bool, size func(T) int) (int, int) {
	bytes := 0
	for n := range end - start {
		i := start + n
		if backward {
			i = end - 1 - n
		}
		if bytes += size(list[i]); bytes <= MaxBytes || n == 0 {
			continue
		}
		if backward {
			return i + 1, end
		}
		return start, i
	}
	return start, end
}
