package service

import (
	"context"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Fields of the forms of commands.
const (
	fieldQueue   = "queue"
	fieldJob     = "id"
	fieldLease   = "lease"
	fieldError   = "error"
	fieldPayload = "payload"
)

// queueField offers the queues on which the sender may do something.
func (s *Service) queueField(ctx context.Context, r *request, may func(*standing) bool) (form.Field, error) {
	field := form.Field{Var: fieldQueue, Type: form.ListSingle, Label: "Queue", Required: true}
	feeds, err := s.o.Store.Feeds(ctx, thoonk.FeedQuery{Type: thoonk.TypeJob, Limit: listMost})
	if err != nil {
		return field, err
	}
	for _, feed := range feeds {
		if st := (&standing{s: s, feed: feed, bare: r.bare, who: r.who}); may(st) && len(field.Options) < pendingMost {
			field.Options = append(field.Options, form.Option{Value: string(feed.Name)})
		}
	}
	return field, nil
}

// queue returns the queue that a form names, and what the sender is to it.
func (s *Service) queue(ctx context.Context, r *request, f form.Form) (*standing, error) {
	name, err := thoonk.ParseFeedName(f.Value(fieldQueue))
	if err != nil {
		return nil, stanza.Err(stanza.ItemNotFound)
	}
	st, err := s.standing(ctx, name, r.bare)
	if err == nil && st.feed.Config.Type != thoonk.TypeJob {
		err = stanza.Err(stanza.NotAllowed).WithText(string(name) + " is no queue of jobs")
	}
	return st, err
}

// jobField asks for the id of a job.
var jobField = form.Field{Var: fieldJob, Type: form.TextSingle, Label: "Job", Required: true}

func jobID(f form.Form) (thoonk.JobID, error) {
	id, err := thoonk.ParseItemID(f.Value(fieldJob))
	if err != nil {
		return "", stanza.Err(stanza.ItemNotFound).WithText("no such job")
	}
	return id, nil
}

// onJob runs a command on one job of a queue: first it asks which, and then it does it.
func (s *Service) onJob(ctx context.Context, r *request, f form.Form, title string, more []form.Field, v auth.Verb,
	do func(*standing, thoonk.JobID) error, done string,
) (*form.Form, string, error) {
	if f.Value(fieldQueue) == "" {
		queues, err := s.queueField(ctx, r, func(st *standing) bool { return st.granted(v) })
		return ask(title, "", append([]form.Field{queues, jobField}, more...)...), "", err
	}
	st, err := s.queue(ctx, r, f)
	if err != nil {
		return nil, "", err
	}
	id, err := jobID(f)
	if err != nil {
		return nil, "", err
	}
	return nil, done, do(st, id)
}

// submitCommand asks for the queue, then for what the queue's schema wants, and submits.
func (s *Service) submitCommand(ctx context.Context, r *request, f form.Form) (*form.Form, string, error) {
	if f.Value(fieldQueue) == "" {
		queues, err := s.queueField(ctx, r, func(st *standing) bool { return st.granted(auth.Submit) })
		return ask("Submit a job", "Choose a queue.", queues), "", err
	}
	st, err := s.queue(ctx, r, f)
	if err == nil {
		err = st.maySubmit(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	fields := payloadFields(st.feed.Config)
	if len(f.Fields) == 1 {
		queue := form.Field{Var: fieldQueue, Type: form.Hidden, Values: []string{string(st.feed.Name)}}
		id := form.Line(fieldJob, "Id of the job; empty to have one made", "")
		return ask("Submit a job", "", append([]form.Field{queue, id}, fields...)...), "", nil
	}
	job := thoonk.NewJob{}
	if f.Value(fieldJob) != "" {
		if job.ID, err = thoonk.ParseItemID(f.Value(fieldJob)); err != nil {
			return nil, "", err
		}
	}
	if job.Form, job.Payload, err = readPayloadFields(st.feed.Config, f); err != nil {
		return nil, "", err
	}
	id, err := s.submitJob(ctx, r, st, thoonk.Revision{}, job)
	return nil, "Submitted as " + string(id) + ".", err
}

// cancelCommand gives a claimed job back with its lease, or without one takes it back as its submitter.
func (s *Service) cancelCommand(ctx context.Context, r *request, f form.Form) (*form.Form, string, error) {
	more := []form.Field{
		form.Line(fieldLease, "Lease, if you are the worker who gives it back", ""),
		form.Line(fieldError, "Why", ""),
	}
	return s.onJob(ctx, r, f, "Cancel a job", more, auth.Submit, func(st *standing, id thoonk.JobID) error {
		token := f.Value(fieldLease)
		if token == "" {
			return s.retractJob(ctx, r, st, id)
		}
		if !st.granted(auth.Work) {
			return stanza.Err(stanza.Forbidden)
		}
		done, err := s.o.Jobs.CancelJobs(ctx, st.feed.Name, []thoonk.CancelJob{{ID: id, Token: token, Error: f.Value(fieldError), Actor: r.who.Name}})
		return outcome(done, err)
	}, "Cancelled.")
}

// retryCommand puts a stalled job back into its queue.
func (s *Service) retryCommand(ctx context.Context, r *request, f form.Form) (*form.Form, string, error) {
	return s.onJob(ctx, r, f, "Retry a stalled job", nil, auth.Work, func(st *standing, id thoonk.JobID) error {
		if !st.granted(auth.Work) {
			return stanza.Err(stanza.Forbidden)
		}
		done, err := s.o.Jobs.RetryJobs(ctx, thoonk.RetryJobs{Queue: st.feed.Name, Filter: thoonk.JobFilter{IDs: []thoonk.JobID{id}}, Actor: r.who.Name})
		return outcome(done.Jobs, err)
	}, "It is in its queue again.")
}

// stallCommand puts a claimed job aside.
func (s *Service) stallCommand(ctx context.Context, r *request, f form.Form) (*form.Form, string, error) {
	more := []form.Field{{Var: fieldLease, Type: form.TextSingle, Label: "Lease", Required: true}, form.Line(fieldError, "Why", "")}
	return s.onJob(ctx, r, f, "Stall a claimed job", more, auth.Work, func(st *standing, id thoonk.JobID) error {
		if !st.granted(auth.Work) {
			return stanza.Err(stanza.Forbidden)
		}
		done, err := s.o.Jobs.StallJobs(ctx, st.feed.Name, []thoonk.StallJob{{ID: id, Token: f.Value(fieldLease), Error: f.Value(fieldError), Actor: r.who.Name}})
		return outcome(done, err)
	}, "It is put aside.")
}

// pauseCommand pauses or resumes a queue.
func (s *Service) pauseCommand(ctx context.Context, r *request, f form.Form) (*form.Form, string, error) {
	const paused = "paused"
	if f.Value(fieldQueue) == "" {
		queues, err := s.queueField(ctx, r, func(st *standing) bool { return st.mayOwn() == nil })
		return ask("Pause or resume a queue", "Workers get no jobs of a queue that is paused.", queues, form.Flag(paused, "Paused", true)), "", err
	}
	st, err := s.queue(ctx, r, f)
	if err == nil {
		err = st.mayOwn()
	}
	if err != nil {
		return nil, "", err
	}
	field, _ := f.Field(paused)
	on, err := field.Bool()
	if err != nil {
		return nil, "", err
	}
	_, err = s.o.Jobs.PauseQueue(ctx, st.feed.Name, on, r.who.Name)
	if on {
		return nil, "The queue is paused.", err
	}
	return nil, "The queue goes on.", err
}
