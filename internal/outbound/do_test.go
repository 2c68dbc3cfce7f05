package outbound_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// loopback is a client that may dial this machine, where the tests' servers are.
func loopback(o outbound.Options) *outbound.Client {
	o.Allow = append(o.Allow, netip.MustParsePrefix("127.0.0.0/8"))
	return outbound.New(o)
}

func TestExchange(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Method+" "+r.Header.Get("X-Mine")+" "+r.UserAgent())
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(append([]byte("got "), body...))
	}))
	t.Cleanup(s.Close)
	var seen outbound.Exchange
	c := loopback(outbound.Options{Observe: func(e outbound.Exchange) { seen = e }})
	header := http.Header{"X-Mine": {"yes"}}
	resp, err := c.Do(t.Context(), outbound.Request{Purpose: "test", Method: http.MethodPost, URL: s.URL + "/a", Header: header, Body: []byte("this")})
	if err != nil || resp.Status != http.StatusTeapot || string(resp.Body) != "got this" || resp.Header.Get("X-Seen") != "POST yes thoonkd" || resp.URL != s.URL+"/a" {
		t.Errorf("got %+v, %v", resp, err)
	}
	if len(header) != 1 {
		t.Errorf("the header was changed: %v", header)
	}
	if seen.Purpose != "test" || seen.Outcome != "4xx" || seen.Duration <= 0 {
		t.Errorf("observed %+v", seen)
	}
}

// Nothing connects to a forbidden address, whatever name or number leads there.
func TestForbiddenAddressesAreNotDialled(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var connected atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connected.Add(1)
			_ = conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	outcomes := make(map[string]int)
	c := outbound.New(outbound.Options{
		Resolver: resolver(t, map[string][]string{"inside.test.": {"127.0.0.1"}}),
		Observe:  func(e outbound.Exchange) { outcomes[e.Outcome]++ },
	})
	hosts := []string{"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "inside.test", "10.255.255.1", "[64:ff9b::7f00:1]", "0.0.0.0"}
	for _, host := range hosts {
		_, err := c.Do(t.Context(), outbound.Request{URL: "http://" + host + ":" + port})
		if !outbound.IsForbidden(err) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s gave %v", host, err)
		}
	}
	if outcomes["forbidden"] != len(hosts) {
		t.Errorf("observed %v", outcomes)
	}
	// The listener would have been told of a connection before this one.
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(conn)
	if connected.Load() != 1 {
		t.Errorf("%d connections were made", connected.Load()-1)
	}
}

// A name that is public when the URL is checked, and not when it is dialled.
func TestRebinding(t *testing.T) {
	t.Parallel()
	var moved atomic.Bool
	c := outbound.New(outbound.Options{Resolver: thoonktest.Resolver(t, func(string) []string {
		if moved.Load() {
			return []string{"127.0.0.1"}
		}
		return []string{"93.184.216.34"}
	})})
	if err := c.CheckURL(t.Context(), "http://rebind.test/"); err != nil {
		t.Fatal(err)
	}
	moved.Store(true)
	if _, err := c.Do(t.Context(), outbound.Request{URL: "http://rebind.test/"}); !outbound.IsForbidden(err) {
		t.Errorf("got %v", err)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	mux.HandleFunc("/hop/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.PathValue("n"), &n)
		if n == 0 {
			_, _ = io.WriteString(w, "here")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/hop/%d", n-1), http.StatusFound)
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("url"))
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	c := loopback(outbound.Options{})
	do := func(path string, follow int) (*outbound.Response, error) {
		return c.Do(t.Context(), outbound.Request{URL: s.URL + path, Follow: follow})
	}
	if resp, err := do("/hop/1", 0); err != nil || resp.Status != http.StatusFound || resp.Header.Get("Location") != "/hop/0" {
		t.Errorf("not asked for: %+v, %v", resp, err)
	}
	if resp, err := do("/hop/3", 3); err != nil || string(resp.Body) != "here" || resp.URL != s.URL+"/hop/0" {
		t.Errorf("asked for: %+v, %v", resp, err)
	}
	for path, follow := range map[string]int{"/hop/4": 3, "/hop/11": 1000} {
		if _, err := do(path, follow); outbound.ReasonOf(err) != outbound.Redirects {
			t.Errorf("%s gave %v", path, err)
		}
	}
	for _, to := range []string{"http://169.254.169.254/latest/", "http://[::1]:1/", "http://10.0.0.1"} {
		if _, err := do("/to?url="+to, 5); !outbound.IsForbidden(err) {
			t.Errorf("to %s gave %v", to, err)
		}
	}
	for _, to := range []string{"file:///etc/passwd", "http://u:p@127.0.0.1/", "gopher://127.0.0.1"} {
		if _, err := do("/to?url="+to, 5); outbound.ReasonOf(err) != outbound.BadURL {
			t.Errorf("to %s gave %v", to, err)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) { <-hold })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "a")
		_ = http.NewResponseController(w).Flush()
		<-hold
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 100)) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "only this")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(hold) })
	c := loopback(outbound.Options{})
	const short = 50 * time.Millisecond
	for _, tc := range []struct {
		r    outbound.Request
		want outbound.Reason
	}{
		{outbound.Request{URL: s.URL + "/silent", Timeout: short}, outbound.Timeout},
		{outbound.Request{URL: s.URL + "/slow", Timeout: short}, outbound.Timeout},
		{outbound.Request{URL: s.URL + "/long", MaxBody: 99}, outbound.TooLarge},
		{outbound.Request{URL: s.URL + "/long", MaxBody: 100}, ""},
		{outbound.Request{URL: s.URL + "/long", MaxBody: outbound.NoBody}, ""},
		{outbound.Request{URL: s.URL + "/cut"}, outbound.Unreachable},
		{outbound.Request{URL: "https://" + strings.TrimPrefix(s.URL, "http://")}, outbound.Insecure},
		{outbound.Request{URL: "http://127.0.0.1:1/"}, outbound.Unreachable},
	} {
		if _, err := c.Do(t.Context(), tc.r); outbound.ReasonOf(err) != tc.want {
			t.Errorf("%s: %v, want %q", tc.r.URL, err, tc.want)
		}
	}
	unknown := loopback(outbound.Options{Resolver: resolver(t, nil)})
	if _, err := unknown.Do(t.Context(), outbound.Request{URL: "http://nobody.test"}); outbound.ReasonOf(err) != outbound.Unresolved {
		t.Errorf("an unknown name gave %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, outbound.Request{URL: s.URL + "/silent"}); outbound.ReasonOf(err) != outbound.Canceled {
		t.Errorf("given up gave %v", err)
	}
}

// Requests share connections, and there are never more to a host than asked for.
func TestConnectionsAreBoundedAndReused(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	const most = 3
	c := loopback(outbound.Options{PerHost: most})
	t.Cleanup(c.Close)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if _, err := c.Do(t.Context(), outbound.Request{Method: http.MethodPost, URL: s.URL, Body: []byte("x")}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := opened.Load(); n == 0 || n > most {
		t.Errorf("%d connections", n)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	if _, err := loopback(outbound.Options{}).Do(t.Context(), outbound.Request{URL: s.URL}); outbound.ReasonOf(err) != outbound.Insecure {
		t.Errorf("a certificate of nobody's gave %v", err)
	}
	trusting := loopback(outbound.Options{TLS: &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}})
	resp, err := trusting.Do(t.Context(), outbound.Request{URL: s.URL})
	if err != nil || string(resp.Body) != "HTTP/2.0" {
		t.Errorf("got %+v, %v", resp, err)
	}
}
