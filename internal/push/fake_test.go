package push_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/push"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	queue = thoonk.FeedName("team:1/mail")
	token = "1763874399123456.secret"
)

// end is what a pusher told its store of a job.
type end struct {
	verb      string
	id        thoonk.JobID
	token     string
	result    string
	hasResult bool
	why       string
	hasDelay  bool
	delay     time.Duration
	actor     string
}

// fakeStore has jobs for who claims them, and notes what is said of them.
type fakeStore struct {
	jobs     chan thoonk.Job
	ends     chan end
	released chan thoonk.Holder
	claimed  chan thoonk.ClaimJobs

	mu       sync.Mutex
	webhooks map[thoonk.FeedName]thoonk.Config
	extend   func(thoonk.ExtendLease) (thoonk.Extended, error)
	refuse   func() (*thoonk.Error, error) // of an end: for the job, for the call
}

func newStore(cfg thoonk.Config) *fakeStore {
	s := &fakeStore{
		jobs: make(chan thoonk.Job, 10), ends: make(chan end, 10), released: make(chan thoonk.Holder, 10), claimed: make(chan thoonk.ClaimJobs, 100),
		extend: func(thoonk.ExtendLease) (thoonk.Extended, error) { return thoonk.Extended{}, nil },
		refuse: func() (*thoonk.Error, error) { return nil, nil },
	}
	s.declare(cfg)
	return s
}

func (s *fakeStore) declare(cfg thoonk.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhooks = map[thoonk.FeedName]thoonk.Config{queue: cfg}
}

func (s *fakeStore) Process() string { return "p1" }

func (s *fakeStore) Webhooks(context.Context) (map[thoonk.FeedName]thoonk.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.webhooks, nil
}

func (s *fakeStore) Claim(ctx context.Context, _ thoonk.FeedName, c thoonk.ClaimJobs, wait time.Duration) (thoonk.Claimed, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	select {
	case j := <-s.jobs:
		s.claimed <- c
		return thoonk.Claimed{Jobs: []thoonk.Job{j}, Lease: thoonk.Lease{Token: token, Expires: time.Now().Add(c.Lease)}}, nil
	case <-timeout.C:
		return thoonk.Claimed{Wait: thoonk.WaitEmpty}, nil
	case <-ctx.Done():
		return thoonk.Claimed{}, ctx.Err()
	}
}

func (s *fakeStore) end(ctx context.Context, e end, state thoonk.JobState) ([]thoonk.JobEnd, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	s.mu.Lock()
	refused, err := s.refuse()
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.ends <- e
	return []thoonk.JobEnd{{ID: e.id, State: state, Err: refused}}, nil
}

func (s *fakeStore) Finish(ctx context.Context, _ thoonk.FeedName, jobs []thoonk.FinishJob) ([]thoonk.JobEnd, error) {
	j := jobs[0]
	return s.end(ctx, end{verb: "finish", id: j.ID, token: j.Token, result: string(j.Result), hasResult: j.HasResult, actor: j.Actor}, thoonk.JobFinished)
}

func (s *fakeStore) CancelJobs(ctx context.Context, _ thoonk.FeedName, jobs []thoonk.CancelJob) ([]thoonk.JobEnd, error) {
	j := jobs[0]
	return s.end(ctx, end{verb: "cancel", id: j.ID, token: j.Token, why: j.Error, hasDelay: j.HasDelay, delay: j.Delay, actor: j.Actor}, thoonk.JobQueued)
}

func (s *fakeStore) StallJobs(ctx context.Context, _ thoonk.FeedName, jobs []thoonk.StallJob) ([]thoonk.JobEnd, error) {
	j := jobs[0]
	return s.end(ctx, end{verb: "stall", id: j.ID, token: j.Token, why: j.Error, actor: j.Actor}, thoonk.JobStalled)
}

func (s *fakeStore) ExtendLease(_ context.Context, e thoonk.ExtendLease) (thoonk.Extended, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.extend(e)
}

func (s *fakeStore) ReleaseHolder(_ context.Context, h thoonk.Holder) error {
	s.released <- h
	return nil
}

// pusher is a running one.
type pusher struct {
	*fakeStore
	told chan string // outcomes, as the metrics hear them
	stop func()      // returns when it has ended
}

// start runs a pusher until the test ends.
func start(t *testing.T, s *fakeStore, sender push.Sender) *pusher {
	t.Helper()
	p := &pusher{fakeStore: s, told: make(chan string, 10)}
	running := push.New(push.Options{Store: s, Sender: sender, Pushed: func(outcome string) { p.told <- outcome }})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var ended sync.WaitGroup
	ended.Go(func() { running.Run(ctx) })
	p.stop = func() {
		cancel()
		ended.Wait()
	}
	t.Cleanup(p.stop)
	return p
}

// received is a request as a webhook gets it.
type received struct {
	header http.Header
	body   string
}

// serve has a webhook answered, and returns where it is and what it gets.
func serve(t *testing.T, answer http.HandlerFunc) (string, <-chan received) {
	t.Helper()
	got := make(chan received, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- received{r.Header, string(body)}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

// client sends to this machine too, where the tests' webhooks are.
func client(t *testing.T) *outbound.Client {
	c := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(c.Close)
	return c
}

// hooked is a queue with a webhook.
func hooked(url string) thoonk.Config {
	return thoonk.Config{Type: thoonk.TypeJob, Webhook: thoonk.Webhook{URL: url, Secret: secret}}
}
