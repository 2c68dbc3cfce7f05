package push

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	firstBackoff   = time.Second // doubled with each attempt, where the queue declares none
	longestBackoff = time.Hour
	shownAnswer    = 300 // bytes of an answer that the job's error repeats
	reports        = 5   // attempts at telling the store what became of a job
)

var (
	errAsked = errors.New("its submitter wants it to be given up")
	errLost  = errors.New("its lease is lost")
)

// push sends one job, and does with it what the answer says.
func (w *worker) push(ctx context.Context, job thoonk.Job, token string) {
	sending, giveUp := context.WithCancelCause(ctx)
	extending := make(chan struct{})
	go func() {
		defer close(extending)
		w.extend(sending, job.ID, token, giveUp)
	}()
	answer, err := w.p.o.Sender.Do(sending, w.request(job))
	giveUp(nil)
	<-extending

	cause := context.Cause(sending)
	switch {
	case errors.Is(cause, errLost):
		w.p.o.Pushed("lost")
	case err != nil && errors.Is(cause, errAsked): // an answer that has come after all counts
		w.cancel(ctx, job, token, errAsked.Error(), 0)
	case ctx.Err() != nil && err != nil: // it is given back with all others
	case err != nil && (outbound.IsForbidden(err) || outbound.ReasonOf(err) == outbound.BadURL):
		w.stall(ctx, job, token, err.Error())
	case err != nil:
		w.cancel(ctx, job, token, err.Error(), 0)
	case answer.Status/100 == 2:
		w.finish(ctx, job, token, answer.Body)
	case answer.Status == http.StatusGone:
		w.stall(ctx, job, token, said(answer))
	default:
		w.cancel(ctx, job, token, said(answer), retryAfter(answer.Header))
	}
}

// extend keeps the lease until ctx ends, and gives up if it is lost, or the job is not wanted any more.
func (w *worker) extend(ctx context.Context, id thoonk.JobID, token string, giveUp context.CancelCauseFunc) {
	ticks := time.NewTicker(w.lease / 3)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
		done, err := w.p.o.Store.ExtendLease(ctx, thoonk.ExtendLease{Queue: w.queue, Token: token, ID: id, Lease: w.lease, Actor: actor})
		switch thoonk.KindOf(err) {
		case thoonk.Conflict, thoonk.NotFound:
			giveUp(errLost)
		case "":
			for _, asked := range done.Cancelled {
				if asked == id {
					giveUp(errAsked)
				}
			}
		}
	}
}

func (w *worker) request(job thoonk.Job) outbound.Request {
	h := http.Header{
		"Content-Type":   {contentType(job)},
		"Thoonk-Queue":   {url.PathEscape(string(w.queue))},
		"Thoonk-Job":     {url.PathEscape(string(job.ID))},
		"Thoonk-Attempt": {strconv.Itoa(job.Attempt)},
	}
	outbound.Sign(h, messageID(w.queue, job), time.Now(), job.Payload, w.secret)
	return outbound.Request{
		Purpose: "push", Method: http.MethodPost, URL: w.hook.URL, Header: h, Body: job.Payload,
		Timeout: cmp.Or(w.hook.Timeout, thoonk.DefaultPushTimeout), MaxBody: thoonk.MaxJobResult,
	}
}

// messageID is the same for each attempt at a job, and another's for a later job of the same id.
func messageID(queue thoonk.FeedName, job thoonk.Job) string {
	sum := sha256.Sum256([]byte(string(queue) + "\x00" + string(job.ID) + "\x00" + job.Submitted.UTC().String()))
	return "job_" + hex.EncodeToString(sum[:16])
}

func contentType(job thoonk.Job) string {
	switch job.Content.FormOf(job.Payload) {
	case thoonk.FormBody:
		return "application/json"
	case thoonk.FormXML:
		return "application/xml"
	case thoonk.FormText:
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// said is what an answer that is no success says, for people.
func said(answer *outbound.Response) string {
	text := strings.TrimSpace(string(answer.Body[:min(len(answer.Body), shownAnswer)]))
	if text == "" || !utf8.ValidString(text) {
		return fmt.Sprintf("the webhook answered %d %s", answer.Status, http.StatusText(answer.Status))
	}
	return fmt.Sprintf("the webhook answered %d: %s", answer.Status, text)
}

// retryAfter reads the header of that name (RFC 9110 section 10.2.3), 0 if there is none that can be read.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestBackoff)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), longestBackoff)
	}
	return 0
}

func (w *worker) finish(ctx context.Context, job thoonk.Job, token string, result []byte) {
	w.report(ctx, "finish", func(ctx context.Context) ([]thoonk.JobEnd, error) {
		return w.p.o.Store.Finish(ctx, w.queue, []thoonk.FinishJob{
			{ID: job.ID, Token: token, Result: result, HasResult: len(result) > 0, Actor: actor},
		})
	})
}

func (w *worker) stall(ctx context.Context, job thoonk.Job, token, why string) {
	w.report(ctx, "stall", func(ctx context.Context) ([]thoonk.JobEnd, error) {
		return w.p.o.Store.StallJobs(ctx, w.queue, []thoonk.StallJob{{ID: job.ID, Token: token, Error: why, Actor: actor}})
	})
}

// cancel gives a job back. Where neither the queue nor the webhook says when to try again, each attempt waits twice as long.
func (w *worker) cancel(ctx context.Context, job thoonk.Job, token, why string, after time.Duration) {
	c := thoonk.CancelJob{ID: job.ID, Token: token, Error: why, HasDelay: after > 0 || !w.backoff, Delay: after, Actor: actor}
	if c.HasDelay && after == 0 {
		c.Delay = min(firstBackoff<<min(max(job.Attempt-1, 0), 12), longestBackoff)
		c.Delay -= rand.N(c.Delay/4 + 1)
	}
	w.report(ctx, "cancel", func(ctx context.Context) ([]thoonk.JobEnd, error) {
		return w.p.o.Store.CancelJobs(ctx, w.queue, []thoonk.CancelJob{c})
	})
}

// report tells the store what became of a job, again if it is away. The process may be ending, and that is no reason to
// forget an answer.
func (w *worker) report(ctx context.Context, outcome string, tell func(context.Context) ([]thoonk.JobEnd, error)) {
	ctx = context.WithoutCancel(ctx)
	for attempt := range reports {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		ends, err := tell(once)
		cancel()
		switch {
		case err == nil && len(ends) > 0 && ends[0].Err != nil:
			w.p.o.Log.Warn("push: what the webhook answered comes too late", "queue", w.queue, "outcome", outcome, "error", ends[0].Err)
			w.p.o.Pushed("lost")
			return
		case err == nil:
			w.p.o.Pushed(outcome)
			return
		case thoonk.KindOf(err) != thoonk.Unavailable || attempt == reports-1:
			w.p.o.Log.Warn("push: the outcome is not kept, and the job will be pushed again", "queue", w.queue, "outcome", outcome, "error", err)
			w.p.o.Pushed("lost")
			return
		}
		time.Sleep(pause / 2)
	}
}
