package hub

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxRetryAfter bounds what a callback may ask for.
const maxRetryAfter = day

// afterFailure says when to try again. Once the waits are used up the delivery is given up: then a new change is the next
// occasion.
func (s Settings) afterFailure(state *thoonk.HubState, wanted time.Duration, now time.Time) (thoonk.HubVerdict, time.Time) {
	state.Failures++
	if state.Failures > len(s.Retries) {
		state.Stalled = true
		return thoonk.HubIdle, now
	}
	return thoonk.HubLater, now.Add(max(jittered(s.Retries[state.Failures-1]), wanted))
}

// jittered spreads what failed together, by a fifth to either side.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// retryAfter reads the header of that name (RFC 9110 section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), maxRetryAfter))
	}
	return 0
}
