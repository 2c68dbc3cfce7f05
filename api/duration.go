package api

import (
	"encoding/json"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// duration is one as the API writes it: "1m30s".
type duration time.Duration

// MarshalText is [time.Duration.String].
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// asDuration returns the duration that a JSON value is.
func asDuration(value json.RawMessage, least time.Duration) (time.Duration, error) {
	s, err := asString(value)
	if err != nil {
		return 0, thoonk.E(thoonk.Invalid, `not a duration, as in "30s"`)
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least {
		return 0, thoonk.E(thoonk.Invalid, `not a duration of at least %v, as in "30s"`, least)
	}
	return d, nil
}

// asFloat returns the number that a JSON value is.
func asFloat(value json.RawMessage, least, most float64) (float64, error) {
	var n float64
	if len(value) == 0 || value[0] == '"' || json.Unmarshal(value, &n) != nil || isNull(value) || !(n >= least && n <= most) {
		return 0, thoonk.E(thoonk.Invalid, "not a number from %v to %v", least, most)
	}
	return n, nil
}
