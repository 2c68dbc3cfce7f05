package store

import (
	"context"
	"embed"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

//go:embed lua/*.lua
var sources embed.FS

// The scripts; each file under lua/ says what it takes and returns.
var (
	scriptWrite   = load("micros", "plain", "lib", "once", "write")
	scriptPut     = load("micros", "lib", "once", "put")
	scriptDelete  = load("micros", "lib", "once", "delete")
	scriptSettle  = load("micros", "lib", "settle")
	scriptAdopt   = load("micros", "lib", "adopt")
	scriptCompare = load("micros", "lib", "compare")
	scriptItems   = load("micros", "lib", "items")
	scriptOrder   = load("micros", "lib", "order")
	scriptPurge   = load("micros", "lib", "purge")
	scriptLease   = load("lease")
	scriptHistory = load("history")
	scriptArchive = load("archive")
	scriptFormer  = load("former")

	scriptSourcePut    = load("source_put")
	scriptSourceSave   = load("fence", "source_save")
	scriptSourceDelete = load("source_delete")

	scriptHubTake      = load("fence", "hub_take")
	scriptHubMark      = load("fence", "hub_mark")
	scriptHubFinish    = load("hub_finish")
	scriptHubReap      = load("hub_reap")
	scriptHubPut       = load("hub_put")
	scriptHubRemove    = load("hub_remove")
	scriptHubIntent    = load("hub_intent")
	scriptHubIntervene = load("hub_intervene")
	scriptHubOrigin    = load("hub_origin")

	scriptCreated         = load("micros", "lib", "created")
	scriptAffiliate       = load("micros", "lib", "affiliate")
	scriptNodeSubscribe   = load("micros", "lib", "nodesubscribe")
	scriptNodeUnsubscribe = load("nodeunsubscribe")
	scriptLinkPlace       = load("fence", "linkplace")

	scriptSubmit      = load("micros", "lib", "once", "joblib", "submit")
	scriptSettleJobs  = load("micros", "lib", "once", "joblib", "settling", "settlejobs")
	scriptLimbo       = load("micros", "lib", "once", "joblib", "limbo")
	scriptWatch       = load("micros", "lib", "once", "joblib", "settling", "watch")
	scriptFire        = load("micros", "lib", "once", "joblib", "fire", "submit")
	scriptSkip        = load("micros", "lib", "once", "joblib", "fire", "skip")
	scriptPutSchedule = load("micros", "lib", "once", "joblib", "putschedule")
	scriptSchedules   = load("micros", "lib", "once", "joblib", "schedules")
	scriptUnclaim     = load("micros", "lib", "once", "joblib", "unclaim")
	scriptClaim       = load("micros", "lib", "once", "joblib", "claim")
	scriptFinish      = load("micros", "lib", "once", "joblib", "finish")
	scriptGiveBack    = load("micros", "lib", "once", "joblib", "giveback")
	scriptExtend      = load("micros", "lib", "once", "joblib", "extend")
	scriptSweep       = load("micros", "lib", "once", "joblib", "sweep")
	scriptJobs        = load("micros", "lib", "once", "joblib", "joblook", "jobs")
	scriptRetry       = load("micros", "lib", "once", "joblib", "joblook", "retry")
	scriptRetract     = load("micros", "lib", "once", "joblib", "joblook", "retract")
	scriptEditJob     = load("micros", "lib", "once", "joblib", "joblook", "editjob")
	scriptPutItems    = load("micros", "lib", "once", "joblib", "putitems")
	scriptGetItems    = load("micros", "lib", "once", "joblib", "getitems")
	scriptAckItems    = load("micros", "lib", "once", "joblib", "ackitems")
	scriptPeek        = load("micros", "lib", "once", "joblib", "peekitems")
	scriptBeat        = load("beat")
)

// load makes one script of files that stand one behind the other.
func load(names ...string) *redis.Script {
	var whole strings.Builder
	for _, name := range names {
		text, err := sources.ReadFile("lua/" + name + ".lua")
		if err != nil {
			panic(err) // embedded: a wrong name is a fault at compile time in all but form
		}
		whole.Write(text)
	}
	return redis.NewScript(withoutIdle(whole.String()))
}

// run calls a script of one feed and returns what it answered after "ok". A refusal of the script, and every failure
// of Redis, is a [thoonk.Error].
func (s *Store) run(ctx context.Context, op string, script *redis.Script, feed thoonk.FeedName, actor string, args ...any) (answer, error) {
	return s.runKeys(ctx, op, script, feedKeys(feed), feed, actor, args...)
}

// rousing are the operations after which there may be work, or the end of some: see told.
var rousing = []string{"submit", "put", "put feed", "finish", "cancel", "stall", "retry", "retract", "sweep", "unclaim", "ack", "delete feed"}

func (s *Store) runKeys(ctx context.Context, op string, script *redis.Script, keys []string, feed thoonk.FeedName, actor string, args ...any) (answer, error) {
	reply, err := script.Run(ctx, s.redis, keys, s.argv(feed, actor, args)...).Slice()
	if err != nil {
		return nil, failure(op, err)
	}
	if slices.Contains(rousing, op) {
		s.told(feed)
	}
	return parseAnswer(op, feed, reply)
}

func (s *Store) argv(feed thoonk.FeedName, actor string, args []any) []any {
	return slices.Concat([]any{string(feed), actor, s.instance, s.logEntries}, args)
}

// answer is what a script returned after its first word.
type answer []any

func (a answer) text(i int) string {
	if i < len(a) {
		if s, ok := a[i].(string); ok {
			return s
		}
	}
	return ""
}

func (a answer) number(i int) int64 {
	if i >= len(a) {
		return 0
	}
	switch v := a[i].(type) {
	case int64:
		return v
	case string:
		n, _ := strconv.ParseInt(v, 10, 64)
		return n
	}
	return 0
}

func (a answer) revision(i int) thoonk.Revision {
	r, _ := thoonk.ParseRevision(a.text(i))
	return r
}

func parseAnswer(op string, feed thoonk.FeedName, reply []any) (answer, error) {
	a := answer(reply)
	if a.text(0) == "ok" {
		return a[1:], nil
	}
	if a.text(0) == "at" {
		e := refusal(feed, a.text(2), a.text(3), a.text(4))
		e.Op = op
		return nil, &thoonk.BatchError{Index: int(a.number(1)), Reason: e}
	}
	e := refusal(feed, a.text(0), a.text(1), a.text(2))
	e.Op = op
	return nil, e
}

func refusal(feed thoonk.FeedName, word, detail, more string) *thoonk.Error {
	switch word {
	case "not_found":
		switch detail {
		case "item":
			return thoonk.E(thoonk.NotFound, "no such item in feed %q", feed)
		case "schedule":
			return thoonk.E(thoonk.NotFound, "no such schedule in queue %q", feed)
		case "ref":
			return thoonk.E(thoonk.NotFound, "the position refers to an item that is not in feed %q: %q", feed, more).In("position")
		}
		return thoonk.E(thoonk.NotFound, "no such feed: %q", feed)
	case "stale":
		if detail == "" {
			return thoonk.E(thoonk.Stale, "the precondition failed: there is no such thing now")
		}
		return thoonk.E(thoonk.Stale, "the precondition failed: the present revision is %s", detail)
	case "conflict":
		switch detail {
		case "type":
			return thoonk.E(thoonk.Conflict, "%q is of type %s", feed, more)
		case "unsorted":
			return thoonk.E(thoonk.Conflict, "%q is not a sorted feed: its items have no positions", feed).In("position")
		}
		if detail == "owner" {
			return thoonk.E(thoonk.Conflict, "%q would have no owner any more", feed)
		}
		return thoonk.E(thoonk.Conflict, "%q is just being made by another client and has no configuration yet", feed)
	case "exists":
		return thoonk.E(thoonk.Conflict, "the queue has a job with this id").In("id")
	case "unknown":
		return thoonk.E(thoonk.Unprocessable, "queue %q has no job %q to wait for", feed, detail).In("after")
	case "retracted":
		return thoonk.E(thoonk.Unprocessable, "the job %q to wait for was retracted", detail).In("after")
	case "crowded":
		return thoonk.E(thoonk.Limited, "too many jobs wait for %q", detail).In("after")
	case "schedules":
		return thoonk.E(thoonk.Limited, "%q has %d schedules: no more are taken", feed, thoonk.MaxSchedules)
	case "lost":
		return leaseLost()
	case "lease":
		return overLease(detail)
	case "state":
		return thoonk.E(thoonk.Conflict, "the job is %s", detail)
	case "content":
		return thoonk.Content(detail).Refusal()
	case "checks":
		return thoonk.E(thoonk.Conflict, "the schema of %q is being changed", feed).Because(uncheckedError{declaration{detail, more}})
	case "reused":
		return thoonk.E(thoonk.Unprocessable, "the idempotency key stands for another request").In("Idempotency-Key")
	case "unordered":
		return thoonk.E(thoonk.Unsupported, "%q has more than %d items: they are not ordered by their creation", feed, maxByCreation)
	case "cursor":
		return notACursor()
	case "many":
		return thoonk.E(thoonk.TooLarge, "%q would have more than %d affiliations", feed, thoonk.MaxAffiliations)
	case "limited":
		return thoonk.E(thoonk.Limited, "this address has %d subscriptions: no more are taken", thoonk.MaxNodeSubscriptions)
	case "fenced":
		return thoonk.E(thoonk.Conflict, "another process adopts foreign writes now")
	}
	return thoonk.E(thoonk.Internal, "internal error").Because(errors.New("a script answered " + word))
}

// failure gives an error of Redis, or of the way to it, its kind.
func failure(op string, err error) *thoonk.Error {
	e := classify(err).Because(err)
	e.Op = op
	return e
}

// refusals of Redis that pass: https://redis.io/docs/latest/develop/reference/protocol-spec/ names no list of them.
var passing = []string{"LOADING", "MASTERDOWN", "READONLY", "OOM", "MISCONF", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOAUTH", "WRONGPASS", "NOPERM"}

func classify(err error) *thoonk.Error {
	var network net.Error
	switch {
	case strings.Contains(err.Error(), "WRONGTYPE "): // the Redis in memory puts a position in the script before it
		return thoonk.E(thoonk.Conflict, "a key in Redis has another type than the Thoonk contract says")
	case slices.ContainsFunc(passing, func(p string) bool { return redis.HasErrorPrefix(err, p) }):
		return thoonk.E(thoonk.Unavailable, "Redis does not accept this at the moment")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return thoonk.E(thoonk.Unavailable, "Redis did not answer in time: if this was a write, it may have been done or not")
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, redis.ErrClosed), errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, context.Canceled):
		return thoonk.E(thoonk.Unavailable, "Redis cannot be reached")
	}
	return thoonk.E(thoonk.Internal, "internal error")
}
