package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxWait bounds how long a request may wait for something to happen.
const maxWait = 60 * time.Second

// preferredWait returns how long the client prefers to wait for what it asked for (RFC 7240 section 4.3). What it prefers and
// we do not know, or cannot read, is ignored, as section 2 says; a longer wait than we offer is ours.
func (c *call) preferredWait() (wait time.Duration, given bool) {
	for preference := range strings.SplitSeq(strings.Join(c.Request().Header.Values("Prefer"), ","), ",") {
		preference, _, _ = strings.Cut(preference, ";") // parameters
		name, value, _ := strings.Cut(preference, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") || given { // the first one counts
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
		if err == nil {
			wait, given = min(time.Duration(seconds)*time.Second, maxWait), true
		}
	}
	return wait, given
}

// applied says that the preference to wait was followed.
func (c *call) applied(wait time.Duration) {
	h := c.Response().Header()
	h.Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	h.Add("Vary", "Prefer")
}

// parseWait reads how long to wait: as all durations, or as a number of seconds.
func parseWait(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		var seconds uint64
		seconds, err = strconv.ParseUint(s, 10, 31)
		d = time.Duration(seconds) * time.Second
	}
	if err != nil || d < 0 || d > maxWait {
		return 0, thoonk.E(thoonk.Invalid, `wait is 0 to %v, as in "30s" or 30`, maxWait)
	}
	return d, nil
}
