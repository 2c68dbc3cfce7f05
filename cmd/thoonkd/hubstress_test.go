package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// hubStress is how much the test below does: a little by default, and all with THOONKD_TEST_SOAK=1 (make soak).
type hubStress struct{ subscribers, items, kills int }

func hubSize() hubStress {
	if os.Getenv("THOONKD_TEST_SOAK") == "1" {
		return hubStress{subscribers: 100, items: 2000, kills: 12}
	}
	return hubStress{subscribers: 12, items: 150, kills: 3}
}

// Callbacks fail at random, and some are slow, while thoonkd and Redis are killed at random, again and again: every
// callback ends with every item, in order. What comes twice is counted.
func TestStressHubKilled(t *testing.T) {
	t.Parallel()
	size := hubSize()
	redis := thoonktest.Redis(t, thoonktest.WithAOF(), thoonktest.WithArgs("--appendfsync", "always"))
	s := &killable{t: t, redis: redis, address: freeAddress(t), key: writeFile(t, testKey), config: writeFile(t,
		"public: [{match: blog, can: [read]}]\nhub: {retries: [20ms, 50ms, 100ms, 200ms, 200ms, 200ms, 200ms, 200ms], breaker: 200ms, timeout: 5s}\n")}
	s.start()
	s.do("PUT", "/v1/feeds/blog", `{"content":"text","history":{"count":5000}}`)
	callbacks := make([]*unreliable, size.subscribers)
	for i := range callbacks {
		callbacks[i] = newUnreliable(t, i)
		s.subscribe(callbacks[i].url, "http://"+s.address+"/feeds/blog/latest")
	}
	thoonktest.Eventually(t, "all are subscribed", func() bool {
		for _, c := range callbacks {
			if !c.asked.Load() {
				return false
			}
		}
		return strings.Contains(s.do("GET", "/metrics", ""), "thoonkd_hub_verifications_pending 0\n")
	})
	killing := make(chan struct{})
	go func() {
		defer close(killing)
		for i := range size.kills {
			s.pause(200 * time.Millisecond)
			if i%3 == 2 {
				redis.Kill()
				redis.Start()
			} else {
				s.restart()
			}
		}
	}()
	for i := range size.items {
		s.do("PUT", fmt.Sprintf("/v1/feeds/blog/items/%d", i), fmt.Sprintf(`{"text":"item %d"}`, i))
	}
	<-killing
	twice := 0
	deadline := time.Now().Add(10 * time.Minute)
	for _, c := range callbacks {
		for c.reached() < size.items && !t.Failed() {
			if time.Now().After(deadline) {
				t.Fatalf("subscriber %d has %d items of %d", c.number, c.reached(), size.items)
			}
			time.Sleep(10 * time.Millisecond)
		}
		twice += int(c.twice.Load())
	}
	t.Logf("%d subscribers, %d items, %d kills: %d deliveries came twice", size.subscribers, size.items, size.kills, twice)
}

// unreliable is a callback that refuses a fifth of all deliveries, after or before it took them in, and is slow with one in
// twenty.
type unreliable struct {
	t      *testing.T
	number int
	url    string
	asked  atomic.Bool
	twice  atomic.Int64

	mu   sync.Mutex
	have int // items 0 to have-1
}

func newUnreliable(t *testing.T, number int) *unreliable {
	t.Helper()
	c := &unreliable{t: t, number: number}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *unreliable) reached() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.have
}

func (c *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
		c.asked.Store(true)
		return
	}
	body, err := io.ReadAll(r.Body)
	luck := rand.IntN(100)
	if err != nil || luck < 10 {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if luck > 95 {
		time.Sleep(50 * time.Millisecond)
	}
	c.take(string(body))
	if luck < 20 { // taken, and the answer says otherwise
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func (c *unreliable) take(body string) {
	var item int
	if _, err := fmt.Sscanf(body, "item %d", &item); err != nil {
		c.t.Errorf("subscriber %d got %q", c.number, body)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case item == c.have:
		c.have++
	case item < c.have:
		c.twice.Add(1)
	default:
		c.t.Errorf("subscriber %d got item %d after %d: some were left out", c.number, item, c.have-1)
	}
}

// killable is a thoonkd in a process of its own that is killed and started again at the same address.
type killable struct {
	t                    *testing.T
	redis                *thoonktest.RedisServer
	address, key, config string
	token                string

	mu  sync.Mutex
	now *binary
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *killable) start() {
	s.t.Helper()
	s.now = startBinary(s.t, "--listen", s.address, "--redis", s.redis.URL(), "--auth-key", s.key, "--config", s.config,
		"--outbound-allow", "127.0.0.0/8", "--log-level", "error")
	if s.token == "" {
		r := thoonkd(s.t, nil, "token", "--auth-key", s.key, "--subject", "t", "--grant", "*=admin")
		s.token = strings.TrimSpace(r.stdout)
	}
}

func (s *killable) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.kill()
	s.start()
}

func (s *killable) pause(d time.Duration) { time.Sleep(d/2 + rand.N(d)) }

// do sends a request until it is done: it may be sent again, since each has its own outcome.
func (s *killable) do(method, path, body string) string {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		answer, ok := s.try(method, path, "application/json", body)
		if ok {
			return answer
		}
		if time.Now().After(deadline) {
			s.t.Errorf("%s %s: %s", method, path, answer)
			return ""
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *killable) subscribe(callback, topic string) {
	s.t.Helper()
	form := url.Values{"hub.mode": {"subscribe"}, "hub.callback": {callback}, "hub.topic": {topic}}
	if answer, ok := s.try("POST", "/hub", "application/x-www-form-urlencoded", form.Encode()); !ok {
		s.t.Fatal(answer)
	}
}

func (s *killable) try(method, path, contentType, body string) (string, bool) {
	req, err := http.NewRequest(method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		return err.Error(), false
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json, */*;q=0.1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error(), false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err == nil && resp.StatusCode/100 == 2
}
