package thoonk

import "strings"

// Position is a place in a sorted feed. Exactly one of its fields is set; the zero value is no position.
type Position struct {
	First, Last   bool
	Before, After ItemID // the item that it is relative to
}

// IsZero reports whether p is no position.
func (p Position) IsZero() bool { return p == Position{} }

// Contract returns the position as the channel feed.position carries it: "begin:", ":end", ":B" (before B) or "A:"
// (after A).
func (p Position) Contract() string {
	switch {
	case p.First:
		return "begin:"
	case p.Last:
		return ":end"
	case p.Before != "":
		return ":" + string(p.Before)
	case p.After != "":
		return string(p.After) + ":"
	}
	return ""
}

// ParseContractPosition reads what [Position.Contract] writes; any other text is the zero position. An id may contain
// ":" too: after A is told by a colon at the end, before B by one at the start, and before "x:" loses to neither, since
// its colon stands first.
func ParseContractPosition(s string) Position {
	switch {
	case s == "begin:":
		return Position{First: true}
	case s == ":end":
		return Position{Last: true}
	case len(s) > 1 && s[0] == ':':
		return Position{Before: ItemID(s[1:])}
	case len(s) > 1 && strings.HasSuffix(s, ":"):
		return Position{After: ItemID(s[:len(s)-1])}
	}
	return Position{}
}
