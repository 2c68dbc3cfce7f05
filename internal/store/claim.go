package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// ClaimJobs takes jobs for several callers in one script. A caller that gets none has no lease; what it waits for is said.
// Errors: NotFound (the queue), Conflict (its type), Invalid (a count; a lease over the queue's limit, if there is one caller
// only), Unavailable. Of several callers one with too long a lease gets nothing, and its Err says so.
func (s *Store) ClaimJobs(ctx context.Context, queue thoonk.FeedName, claims []thoonk.ClaimJobs) ([]thoonk.Claimed, error) {
	args := []any{""}
	for _, c := range claims {
		if err := checkClaim(c); err != nil {
			return nil, err
		}
		holder, err := s.holderArg(ctx, queue, c.Holder)
		if err != nil {
			return nil, err
		}
		args = append(args, c.Count, millisArg(c.Lease), newID(), holder, escape(c.Actor))
	}
	a, err := s.runKeys(ctx, "claim", scriptClaim, jobKeys(queue, thoonk.Once{}), queue, "", args...)
	if err != nil {
		return nil, err
	}
	claimed := make([]thoonk.Claimed, 0, len(claims))
	for range claims {
		c, rest := parseClaimed(queue, a)
		a = rest
		if c.Err != nil && len(claims) == 1 {
			return nil, c.Err
		}
		claimed = append(claimed, c)
	}
	return claimed, nil
}

func checkClaim(c thoonk.ClaimJobs) error {
	if c.Count < 1 || c.Count > thoonk.MaxClaim {
		return thoonk.E(thoonk.Invalid, "1 to %d jobs are claimed at once", thoonk.MaxClaim).In("count")
	}
	return checkLease(c.Lease)
}

func checkLease(d time.Duration) error {
	if d != 0 && d < thoonk.MinLease {
		return thoonk.E(thoonk.Invalid, "a lease lasts at least %v", thoonk.MinLease).In("lease")
	}
	return nil
}

func overLease(longest string) *thoonk.Error {
	n, _ := strconv.ParseInt(longest, 10, 64)
	return thoonk.E(thoonk.Invalid, "the queue's leases last at most %v", time.Duration(n)*time.Millisecond).In("lease")
}

func parseClaimed(queue thoonk.FeedName, a answer) (thoonk.Claimed, answer) {
	n := int(a.number(0))
	c := thoonk.Claimed{Lease: thoonk.Lease{Token: a.text(1), Expires: milliTime(a.text(2))}}
	if wait := a.text(3); wait == "lease" {
		c.Err = overLease(a.text(4))
	} else {
		c.Wait, c.Until = thoonk.Wait(wait), micros(a.text(4))
	}
	a = a[min(5, len(a)):]
	for ; n > 0 && len(a) >= 4; n-- {
		j := thoonk.Job{Queue: queue, ID: thoonk.JobID(a.text(0)), State: thoonk.JobClaimed, Payload: []byte(a.text(1))}
		j.Attempt = int(a.number(2)) + 1
		j.Expires = c.Lease.Expires
		if claim, _, ok := strings.Cut(c.Lease.Token, "."); ok {
			j.Claimed = micros(claim)
		}
		noteRecord(&j, a.text(3))
		c.Jobs = append(c.Jobs, j)
		a = a[4:]
	}
	return c, a
}

// unclaim takes a claim back whose caller went away. If that fails its lease ends by itself.
func (s *Store) unclaim(ctx context.Context, queue thoonk.FeedName, c thoonk.Claimed) {
	if _, err := s.runKeys(ctx, "unclaim", scriptUnclaim, jobKeys(queue, thoonk.Once{}), queue, "", "", c.Lease.Token); err != nil {
		s.log.WarnContext(ctx, "jobs: a claim whose caller went away lasts until its lease ends", "queue", queue, "error", err)
	}
}
