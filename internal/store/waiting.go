package store

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// waiting is where callers of this process wait for queues, or share a script with others. It is told of changes by the
// tracker, see Watch.
type waiting struct {
	claims   *room[thoonk.FeedName, thoonk.ClaimJobs, thoonk.Claimed]
	items    *room[thoonk.FeedName, thoonk.GetItems, gotItems]
	finishes *room[thoonk.FeedName, []thoonk.FinishJob, part[thoonk.JobEnd]]
	submits  *room[submitter, []thoonk.NewJob, part[thoonk.Submitted]]
	awaited  *awaited
	tracker  *tracker
}

// submitter is who may share a submit: jobs of one principal.
type submitter struct {
	queue thoonk.FeedName
	actor string
}

// The keys whose changes are news to somebody who waits.
var trackedPrefixes = []string{"feed.ids:", "feed.config:", "feed.claimed:", "feed.stalled:", "thoonk.ended:"}

func (s *Store) newWaiting() waiting {
	w := waiting{awaited: newAwaited(s)}
	w.claims = newRoom(counter[thoonk.FeedName, thoonk.ClaimJobs, thoonk.Claimed]{
		try:  s.ClaimJobs,
		back: s.unclaim,
		judge: func(c thoonk.Claimed) verdict {
			return verdict{given: len(c.Jobs) > 0 || c.Err != nil, wait: c.Wait, until: c.Until}
		},
		nothing: func(w thoonk.Wait, until time.Time) thoonk.Claimed { return thoonk.Claimed{Wait: w, Until: until} },
		weight:  func(c thoonk.ClaimJobs) int { return c.Count },
	})
	w.items = newRoom(counter[thoonk.FeedName, thoonk.GetItems, gotItems]{
		try:  s.getTogether,
		back: s.unget,
		judge: func(g gotItems) verdict {
			return verdict{given: len(g.Items) > 0 || g.err != nil, wait: g.Wait}
		},
		nothing: func(w thoonk.Wait, _ time.Time) gotItems { return gotItems{Got: thoonk.Got{Wait: w}} },
		weight:  func(g thoonk.GetItems) int { return g.Count },
	})
	w.finishes = newSharing(s.FinishJobs, func(j thoonk.FinishJob) int { return len(j.Result) })
	w.submits = newSharing(func(ctx context.Context, who submitter, jobs []thoonk.NewJob) ([]thoonk.Submitted, error) {
		return s.SubmitJobs(ctx, thoonk.SubmitJobs{Queue: who.queue, Actor: who.actor, Jobs: jobs})
	}, func(j thoonk.NewJob) int { return len(j.Payload) })
	w.tracker = &tracker{options: s.redis.Options(), prefixes: trackedPrefixes, changed: s.changed, missed: s.missed, log: s.log}
	return w
}

func (w *waiting) close() {
	w.claims.close()
	w.items.close()
	w.finishes.close()
	w.submits.close()
	w.awaited.close()
}

// Watch hears of what other processes and other clients do to queues, until ctx ends. Without it those who wait are woken by
// what this process does only.
func (s *Store) Watch(ctx context.Context) { s.waiting.tracker.run(ctx) }

// changed takes the name of a key that changed.
func (s *Store) changed(key string) {
	prefix, name, _ := strings.Cut(key, ":")
	queue := thoonk.FeedName(name)
	switch prefix {
	case "feed.ids":
		s.touched.add(queue)
		s.waiting.claims.hear(queue, newsWork)
		s.waiting.items.hear(queue, newsWork)
	case "feed.config":
		s.waiting.claims.hear(queue, newsRules)
		s.waiting.items.hear(queue, newsRules)
	case "feed.claimed":
		s.touched.add(queue)
		s.waiting.claims.hear(queue, newsSlots)
		s.waiting.awaited.hear(queue, true)
	case "feed.stalled", "thoonk.ended":
		s.waiting.awaited.hear(queue, false)
	}
}

// missed says that anything may have changed.
func (s *Store) missed() {
	s.touched.addAll()
	s.waiting.claims.hearAll()
	s.waiting.items.hearAll()
	s.waiting.awaited.hearAll()
}

// told is called after a write of ours to a queue. Where the server tells of changes it does so of this one too.
func (s *Store) told(queue thoonk.FeedName) {
	if !s.waiting.tracker.tracks.Load() {
		s.waiting.claims.hear(queue, newsWork|newsRules)
		s.waiting.items.hear(queue, newsWork|newsRules)
		s.waiting.awaited.hear(queue, false)
	}
}

// Claim takes jobs for one caller, who waits for them if there are none. What it gets then may be less than it asked for. Errors:
// as ClaimJobs.
func (s *Store) Claim(ctx context.Context, queue thoonk.FeedName, c thoonk.ClaimJobs, wait time.Duration) (thoonk.Claimed, error) {
	if err := checkClaim(c); err != nil {
		return thoonk.Claimed{}, err
	}
	claimed, err := s.waiting.claims.wait(ctx, queue, c, wait)
	if err == nil && claimed.Err != nil {
		return thoonk.Claimed{}, claimed.Err
	}
	return claimed, waited("claim", err)
}

// waited gives the end of a caller's own context its kind.
func waited(op string, err error) error {
	if err != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) && thoonk.KindOf(err) == thoonk.Internal {
		return failure(op, err)
	}
	return err
}

// Finish ends jobs as FinishJobs does, in one script with those of other callers.
func (s *Store) Finish(ctx context.Context, queue thoonk.FeedName, jobs []thoonk.FinishJob) ([]thoonk.JobEnd, error) {
	if len(jobs) == 0 || len(jobs) > thoonk.MaxBatch {
		return s.FinishJobs(ctx, queue, jobs) // which says what is wrong
	}
	done, err := s.waiting.finishes.wait(ctx, queue, jobs, 0)
	return done.answers, waited("finish", cmp.Or(err, done.err))
}

// Submit puts jobs into a queue as SubmitJobs does, in one script with those of other callers. One with an idempotency key
// goes alone.
func (s *Store) Submit(ctx context.Context, sub thoonk.SubmitJobs) ([]thoonk.Submitted, error) {
	if sub.Once.Key != "" || len(sub.Jobs) == 0 || len(sub.Jobs) > thoonk.MaxBatch {
		return s.SubmitJobs(ctx, sub)
	}
	done, err := s.waiting.submits.wait(ctx, submitter{sub.Queue, sub.Actor}, sub.Jobs, 0)
	return done.answers, waited("submit", cmp.Or(err, done.err))
}
