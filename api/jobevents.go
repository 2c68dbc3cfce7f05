package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// eventFilter says which changes of a queue a reader sees.
type eventFilter struct {
	submitter string // only of jobs of this one's; empty: of anybody's
	ids       []thoonk.JobID
	kinds     []thoonk.EventKind
}

func (f eventFilter) admits(e thoonk.Event) bool {
	switch {
	case e.Kind == thoonk.Delete || e.Kind == thoonk.Create || e.Kind == thoonk.Configure:
		return len(f.ids) == 0 && len(f.kinds) == 0 || slices.Contains(f.kinds, e.Kind) || e.Kind == thoonk.Delete
	case f.submitter != "" && e.Submitter != f.submitter:
		return false
	case len(f.ids) > 0 && !slices.Contains(f.ids, e.ItemID):
		return false
	}
	return len(f.kinds) == 0 || slices.Contains(f.kinds, e.Kind)
}

// jobEvents follows a queue of jobs.
//
// @Summary     Follow a queue of jobs
// @Description Every change of a job's state, as `text/event-stream` live or as `application/json` a page of history; `id` and `kind` choose some (`kind=stall`: what needs somebody). Payloads are not in it. Who may only submit sees its own jobs.
// @ID          followJobs
// @Tags        Jobs
// @Param       feed          path   string   true  "name"
// @Param       since         query  string   false "revision"
// @Param       id            query  []string false "jobs"
// @Param       kind          query  []string false "kinds"
// @Param       limit         query  int      false "length"
// @Param       Last-Event-ID header string   false "revision"
// @Success     200 "The changes."
// @Header      200 {string} Link "the next page"
// @Failure     400,401,403,404,406,409,410,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/events [get]
func (s *Server) jobEvents(c *call) error {
	queue, all, err := c.jobsReader()
	if err != nil {
		return err
	}
	paged, err := c.wantsPage()
	if err != nil {
		return err
	}
	known := []string{"since", "id*", "kind*", "ticket"}
	if paged {
		known = []string{"since", "id*", "kind*", "limit"}
	}
	q, err := c.query(known...)
	if err != nil {
		return err
	}
	filter, err := parseEventFilter(q)
	if err != nil {
		return err
	}
	if !all {
		filter.submitter = c.who.Name
	}
	if paged {
		return timed(func(c *call) error {
			return s.historyPage(c, queue, queuePath(thoonk.TypeJob, queue)+"/events", q, filter.admits)
		})(c)
	}
	return s.streamJobs(c, queue, q, filter)
}

func (s *Server) streamJobs(c *call, queue thoonk.FeedName, q url.Values, filter eventFilter) error {
	o := stream.Options{Feed: queue}
	var err error
	if o.Since, _, err = c.streamStart(q); err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		if _, err := s.queueOf(c, thoonk.TypeJob, queue); err != nil {
			return err
		}
		return c.headStream()
	}
	admin := c.who.Can(auth.Admin, queue)
	w := &eventWriter{
		w: c.Response(), feed: queue, admits: filter.admits, withActor: func(thoonk.FeedName) bool { return admin },
	}
	return s.serveStream(c, w, func(ctx context.Context) (Follower, error) { return s.o.Streams.Follow(ctx, o) })
}

var jobKinds = []thoonk.EventKind{
	thoonk.Create, thoonk.Configure, thoonk.Delete, thoonk.Submit, thoonk.Release, thoonk.Claim, thoonk.Finish, thoonk.Cancel,
	thoonk.Stall, thoonk.Retry, thoonk.AskCancel, thoonk.Edit, thoonk.Retract,
}

func parseEventFilter(q url.Values) (f eventFilter, err error) {
	if f.ids, err = idsOf(q["id"]); err != nil {
		return f, inQuery(err, "id")
	}
	for _, text := range q["kind"] {
		kind := thoonk.EventKind(text)
		if !slices.Contains(jobKinds, kind) {
			return f, inQuery(thoonk.E(thoonk.Invalid, "there is no kind %q of change of a job", text), "kind")
		}
		f.kinds = append(f.kinds, kind)
	}
	return f, nil
}
