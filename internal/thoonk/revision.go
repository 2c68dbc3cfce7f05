package thoonk

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// Revision identifies one change. Number counts the changes of a feed from 1; Stamp is the time of Redis at the
// change, in microseconds since 1970. Two lives of a feed may give the same number, never the same revision.
// Positions in the log have the same form; there the number counts the entries of the log.
type Revision struct {
	Number uint64
	Stamp  uint64
}

// String returns "number-stamp", which is also the id of the entry in its Redis stream.
func (r Revision) String() string {
	b := make([]byte, 0, 40)
	b = strconv.AppendUint(b, r.Number, 10)
	b = append(b, '-')
	return string(strconv.AppendUint(b, r.Stamp, 10))
}

// IsZero reports whether r is no revision.
func (r Revision) IsZero() bool { return r == Revision{} }

// Time returns the time of the change, to the microsecond, in UTC.
func (r Revision) Time() time.Time { return time.UnixMicro(int64(r.Stamp)).UTC() }

// Compare orders the revisions of one feed's life, and the positions of one log.
func (r Revision) Compare(o Revision) int {
	return cmp.Or(cmp.Compare(r.Number, o.Number), cmp.Compare(r.Stamp, o.Stamp))
}

// MarshalText returns [Revision.String].
func (r Revision) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is [ParseRevision].
func (r *Revision) UnmarshalText(b []byte) error {
	v, err := ParseRevision(string(b))
	if err == nil {
		*r = v
	}
	return err
}

// ParseRevision reads what [Revision.String] writes, and nothing else: no signs, spaces or leading zeros, no zero
// number. Any other text is an [Invalid] error.
func ParseRevision(s string) (Revision, error) {
	number, stamp, ok := strings.Cut(s, "-")
	n, err1 := strconv.ParseUint(number, 10, 64)
	t, err2 := strconv.ParseUint(stamp, 10, 64)
	r := Revision{Number: n, Stamp: t}
	if !ok || err1 != nil || err2 != nil || n == 0 || t > 1<<62 || r.String() != s {
		return Revision{}, E(Invalid, "a revision is written number-stamp, as in 12-1763874399123456")
	}
	return r, nil
}
