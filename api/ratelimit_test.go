package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/auth"
)

// from asks for a feed as somebody at an address.
func from(t *testing.T, s *Server, address, token, target string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", target, nil)
	r.RemoteAddr, r.Header = address, as(token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return answer{t: t, status: w.Code, header: w.Result().Header, body: w.Body.String()}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore()
		store.feeds["f"] = &fakeFeed{}
		s := New(Options{Store: store, Auth: &fakeAuth{public: grants("f", auth.Read)}, Health: &fakeHealth{}, Log: discard(), RatePerSecond: 0.4, RateBurst: 3})
		defer s.EndStreams()
		const policy = `"default";q=3;w=8`
		get := func(token string) answer { return from(t, s, "192.0.2.1:1", token, "/v1/feeds/f") }

		for left := 2; left >= 0; left-- {
			get("reader").is(200).has("RateLimit-Policy", policy).has("RateLimit", fmt.Sprintf(`"default";r=%d;t=3`, left)).has("Retry-After", "")
		}
		a := get("reader").has("RateLimit-Policy", policy).has("RateLimit", `"default";r=0;t=3`).has("Retry-After", "3")
		if d := a.problem(429, "limited").Detail; d != "more than 0.4 requests per second" {
			t.Error(d)
		}
		time.Sleep(time.Second)
		get("reader").is(429).has("RateLimit", `"default";r=0;t=2`).has("Retry-After", "2") // being refused costs nothing
		time.Sleep(1500 * time.Millisecond)
		get("reader").is(200).has("RateLimit", `"default";r=0;t=3`)
		time.Sleep(time.Hour)
		get("reader").is(200).has("RateLimit", `"default";r=2;t=3`) // no more than a burst

		// Others have their own, by principal or by address. A token that does not hold counts for its address.
		get("all").is(200).has("RateLimit", `"default";r=2;t=3`)
		get("nothing").is(403).has("RateLimit", `"default";r=2;t=3`)
		get("").is(200).has("RateLimit", `"default";r=2;t=3`)
		get("guess").is(401).has("RateLimit", `"default";r=1;t=3`)
		get("guess").is(401).has("RateLimit", `"default";r=0;t=3`)
		get("another guess").is(429)
		get("").is(429)
		from(t, s, "192.0.2.2:1", "", "/v1/feeds/f").is(200)
		get("all").is(200)

		// Event streams count when they begin, and tickets too; what watches the process does not.
		for _, target := range []string{"/v1/feeds/f/events", "/v1/events?feed=f"} {
			from(t, s, "192.0.2.1:2", "", target).is(429)
		}
		from(t, s, "192.0.2.1:3", "", "/healthz").is(200).has("RateLimit", "")
		from(t, s, "192.0.2.1:3", "", "/readyz").is(200)
		from(t, s, "192.0.2.1:3", "", "/nowhere").is(404)
	})
}

func TestRateOptions(t *testing.T) {
	for _, test := range []struct {
		rate   float64
		burst  int
		policy string
	}{
		{10, 0, `"default";q=10;w=1`}, {0.5, 0, `"default";q=1;w=2`}, {2.5, 0, `"default";q=3;w=2`}, {100, 500, `"default";q=500;w=5`}, {7, 1, `"default";q=1;w=1`},
	} {
		if l := newRateLimits(test.rate, test.burst); l.policy != test.policy {
			t.Errorf("%v, %d: %s", test.rate, test.burst, l.policy)
		}
	}
	if newRateLimits(0, 10) != nil || newRateLimits(-1, 10) != nil {
		t.Error("a limit")
	}
	e := newEdge(t, nil)
	e.feed("f", "")
	e.do("GET", "/v1/feeds/f", "", as("all")).is(200).has("RateLimit", "").has("RateLimit-Policy", "")
}

// Whoever was away long enough for a full bucket is forgotten, and there are never too many to remember.
func TestBucketsAreBounded(t *testing.T) {
	l := newRateLimits(1, 10)
	now := time.Now()
	for i := range 1000 {
		l.take(fmt.Sprint(i), now)
	}
	if len(l.buckets) != 1000 || l.recent.Len() != 1000 {
		t.Errorf("%d buckets, %d in the list", len(l.buckets), l.recent.Len())
	}
	now = now.Add(9 * time.Second)
	l.take("0", now)
	if len(l.buckets) != 1000 {
		t.Errorf("%d buckets", len(l.buckets))
	}
	now = now.Add(2 * time.Second)
	for range 600 {
		l.take("1000", now)
	}
	if _, left, _ := l.take("0", now); len(l.buckets) != 2 || left != 9 {
		t.Errorf("%d buckets, %d left", len(l.buckets), left)
	}
	for i := range maxBuckets + 10 {
		l.take(fmt.Sprint("many", i), now)
	}
	if len(l.buckets) != maxBuckets || l.recent.Len() != maxBuckets {
		t.Errorf("%d buckets, %d in the list", len(l.buckets), l.recent.Len())
	}
}

func TestAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:1": "address 192.0.2.1", "[::ffff:192.0.2.1]:1": "address 192.0.2.1", "[2001:db8:1:2:3::4]:1": "address 2001:db8:1:2::/64",
		"[fe80::1%eth0]:1": "address fe80::/64", "@": "address @", "": "address ",
	} {
		if got := address(remote); got != want {
			t.Errorf("%s: %q", remote, got)
		}
	}
}

// A flood of requests by one caller lets through what its bucket has, in any order of arrival.
func TestRateLimitConcurrently(t *testing.T) {
	e := newEdge(t, func(o *Options) { o.RatePerSecond, o.RateBurst = 0.001, 5 })
	e.feed("f", "")
	statuses := make(chan int)
	for range 20 {
		go func() {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", e.url+"/v1/feeds/f", nil)
			r.Header = as("all")
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				statuses <- 0
				return
			}
			resp.Body.Close()
			statuses <- resp.StatusCode
		}()
	}
	count := map[int]int{}
	for range 20 {
		count[<-statuses]++
	}
	if count[200] != 5 || count[429] != 15 {
		t.Errorf("%v", count)
	}
}
