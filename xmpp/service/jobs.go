package service

import (
	"context"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Jobs are the queues that are nodes too: an item is a job.
type Jobs interface {
	SubmitJobs(context.Context, thoonk.SubmitJobs) ([]thoonk.Submitted, error)
	CancelJobs(context.Context, thoonk.FeedName, []thoonk.CancelJob) ([]thoonk.JobEnd, error)
	StallJobs(context.Context, thoonk.FeedName, []thoonk.StallJob) ([]thoonk.JobEnd, error)
	RetryJobs(context.Context, thoonk.RetryJobs) (thoonk.JobsDone, error)
	RetractJobs(context.Context, thoonk.RetractJobs) (thoonk.JobsDone, error)
	JobsByID(context.Context, thoonk.FeedName, []thoonk.JobID) ([]thoonk.Job, error)
	Jobs(context.Context, thoonk.JobQuery) (thoonk.JobPage, error)
	PauseQueue(ctx context.Context, queue thoonk.FeedName, paused bool, actor string) (thoonk.Feed, error)
}

// maySubmit returns nil if the JID may submit jobs.
func (st *standing) maySubmit(ctx context.Context) error {
	if st.granted(auth.Submit) {
		return nil
	}
	return st.mayPublish(ctx)
}

// submit publishes on a queue: the item's id is the job's, and an id that was given before is a conflict.
func (s *Service) submit(ctx context.Context, r *request, st *standing, o options) (*stanza.Element, error) {
	if st.feed.Config.Type != thoonk.TypeJob {
		return nil, stanza.Unsupported("publish")
	}
	if err := st.maySubmit(ctx); err != nil {
		return nil, err
	}
	if !o.met(st.feed.Config) {
		return nil, stanza.Pubsub(stanza.ConflictCondition, "precondition-not-met")
	}
	if p, err := payload.DecodePosition(r.Payload); err != nil || !p.IsZero() {
		return nil, stanza.Err(stanza.BadRequest).WithText("jobs have no positions")
	}
	item, err := readItem(r.verb, st.feed.Config)
	if err != nil {
		return nil, err
	}
	id, err := s.submitJob(ctx, r, st, o.declared(st.feed), thoonk.NewJob{ID: item.ID, Form: item.Form, Payload: item.Body})
	if err != nil {
		return nil, unfit(err)
	}
	return published(st.feed.Name, id), nil
}

func (s *Service) submitJob(ctx context.Context, r *request, st *standing, declared thoonk.Revision, job thoonk.NewJob) (thoonk.JobID, error) {
	done, err := s.o.Jobs.SubmitJobs(ctx, thoonk.SubmitJobs{Queue: st.feed.Name, Declared: declared, Jobs: []thoonk.NewJob{job}, Actor: r.who.Name})
	if err != nil {
		return "", err
	}
	return done[0].ID, nil
}

// jobs retrieves jobs: all of them for those who may read, one's own for those who may submit.
func (s *Service) jobs(ctx context.Context, r *request, st *standing) (*stanza.Element, error) {
	if st.feed.Config.Type != thoonk.TypeJob {
		return nil, stanza.Unsupported("retrieve-items")
	}
	submitter, err := st.whose(ctx)
	if err != nil {
		return nil, err
	}
	list := stanza.New(stanza.NSPubsub, "items").Set("node", string(st.feed.Name))
	ids, err := wantedIDs(r.verb)
	if err != nil {
		return nil, err
	}
	if ids != nil {
		found, err := s.o.Jobs.JobsByID(ctx, st.feed.Name, ids)
		if err != nil {
			return nil, err
		}
		return result(list.Add(fit(jobElements(found, submitter))...)), nil
	}
	paging, err := rsm.Parse(r.Payload)
	if err != nil {
		return nil, err
	}
	if paging.Backward || paging.Index >= 0 || r.verb.Attr("max_items") != "" {
		return nil, stanza.Err(stanza.FeatureNotImplemented).WithText("jobs are listed forwards only, by a set with max and after")
	}
	set := rsm.Result{Index: -1, Count: -1}
	if paging.Max == 0 {
		return result(list, set.Element()), nil
	}
	items, next, err := s.jobPage(ctx, thoonk.JobQuery{Queue: st.feed.Name, Submitter: submitter, After: paging.After, Limit: paging.Limit(pageItems)})
	if err != nil {
		return nil, err
	}
	list.Add(items...)
	if !paging.Asked && next == "" {
		return result(list), nil
	}
	set.Last = next // which is the place to go on from, and empty at the end
	if len(items) > 0 {
		set.First = items[0].Attr("id")
	}
	return result(list, set.Element()), nil
}

// jobPage returns as many jobs as fit into an answer, and where to go on. That place is known for a page as it was asked for, so if
// not all fit a shorter one is.
func (s *Service) jobPage(ctx context.Context, q thoonk.JobQuery) (items []*stanza.Element, next string, err error) {
	for {
		page, err := s.o.Jobs.Jobs(ctx, q)
		if err != nil {
			return nil, "", err
		}
		items = jobElements(page.Jobs, q.Submitter)
		for i, item := range items {
			items[i] = s.listed(item)
		}
		if q.Limit = len(fit(items)); q.Limit == len(items) {
			return items, page.Next, nil
		}
	}
}

// whose returns the principal whose jobs the JID may see, or "" for all.
func (st *standing) whose(ctx context.Context) (string, error) {
	if st.reads() {
		return "", nil
	}
	if st.granted(auth.Submit) {
		return st.who.Name, nil
	}
	return "", st.mayRead(ctx)
}

// jobElements are jobs as items.
func jobElements(jobs []thoonk.Job, submitter string) (items []*stanza.Element) {
	for _, job := range jobs {
		if submitter == "" || job.Submitter == submitter {
			items = append(items, stanza.New(stanza.NSPubsub, "item").Set("id", string(job.ID)).Add(payload.EncodeJob(job)))
		}
	}
	return items
}

// retractJob takes a job back: one's own, or any for those who may retract. A worker that has it is asked to give up.
func (s *Service) retractJob(ctx context.Context, r *request, st *standing, id thoonk.JobID) error {
	if st.feed.Config.Type != thoonk.TypeJob {
		return stanza.Unsupported("delete-items")
	}
	filter := thoonk.JobFilter{IDs: []thoonk.JobID{id}}
	if !st.granted(auth.Retract) && !st.is(thoonk.Owner) {
		if err := st.maySubmit(ctx); err != nil {
			return err
		}
		filter.Submitter = r.who.Name
	}
	done, err := s.o.Jobs.RetractJobs(ctx, thoonk.RetractJobs{Queue: st.feed.Name, Filter: filter, Ask: true, Actor: r.who.Name})
	return outcome(done.Jobs, err)
}

// outcome is the error of an operation on one job.
func outcome(done []thoonk.JobEnd, err error) error {
	switch {
	case err != nil:
		return err
	case len(done) == 0:
		return stanza.Err(stanza.ItemNotFound).WithText("no such job")
	case done[0].Err != nil:
		return done[0].Err
	}
	return nil
}
