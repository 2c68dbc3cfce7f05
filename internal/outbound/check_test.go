package outbound_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func TestForbiddenURLs(t *testing.T) {
	t.Parallel()
	c := outbound.New(outbound.Options{Resolver: resolver(t, map[string][]string{
		"inside.test.": {"10.0.0.7"}, "both.test.": {"93.184.216.34", "192.168.1.1"}, "six.test.": {"fd00::1"}, "localhost.": {"127.0.0.1"},
	})})
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3:8080", "localhost", "10.0.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "0.0.0.0",
		"169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "224.0.0.1", "255.255.255.255",
		"[::1]", "[::]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]",
		"[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2001::1]", "[2001:db8::1]",
		"0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "017700000001", "2130706433", "127.1", "127.0.1", "0", "0x", "127.0.0.1.", "0xA9.254.43518",
		"１２７.0.0.1", "127。0。0。1",
		"inside.test", "INSIDE.test.", "both.test", "six.test",
	} {
		err := c.CheckURL(t.Context(), "http://"+host+"/path")
		if !outbound.IsForbidden(err) || thoonk.KindOf(err) != thoonk.Unprocessable {
			t.Errorf("%s gave %v", host, err)
		}
	}
}

func TestURLsThatMayBeDialled(t *testing.T) {
	t.Parallel()
	c := outbound.New(outbound.Options{
		Allow:    []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		Resolver: resolver(t, map[string][]string{"public.test.": {"93.184.216.34"}, "intra.test.": {"fd00::7", "127.0.0.9"}}),
	})
	for _, s := range []string{
		"http://93.184.216.34", "https://93.184.216.34:8443/x?y=z", "http://[2606:4700::1111]/", "https://public.test/hook",
		"http://127.0.0.1:9/", "http://[::ffff:127.0.0.1]/", "http://0x7f.1", "http://[fd00::1]:80", "http://intra.test",
		"http://unknown.test/", "http://my_service.test/", "http://xn--bcher-kva.test/", "http://bücher.test/",
	} {
		if err := c.CheckURL(t.Context(), s); err != nil {
			t.Errorf("%s gave %v", s, err)
		}
	}
	if err := c.CheckURL(t.Context(), "http://10.0.0.1"); !outbound.IsForbidden(err) {
		t.Errorf("what is not allowed gave %v", err)
	}
}

func TestBadURLs(t *testing.T) {
	t.Parallel()
	c := outbound.New(outbound.Options{})
	long := make([]byte, 2049)
	for _, s := range []string{
		"", "x", "//example.org", "/path", "example.org", "mailto:a@example.org", "ftp://example.org", "file:///etc/passwd", "gopher://example.org",
		"http://", "http:///x", "http://:80", "http://example.org:", "http://example.org:0", "http://example.org:65536", "http://example.org:x",
		"http://user@example.org", "http://user:pw@example.org", "http://93.184.216.34@127.0.0.1/", "http://[fe80::1%25eth0]/",
		"http://%31%32%37.0.0.1", "http://exa mple.org", "http://[::1", "http://.", "http://a\x00b", "http://\u200b.test", string(long),
	} {
		err := c.CheckURL(t.Context(), s)
		if outbound.ReasonOf(err) != outbound.BadURL || thoonk.KindOf(err) != thoonk.Unprocessable {
			t.Errorf("%q gave %v", s, err)
		}
		if _, err := c.Do(t.Context(), outbound.Request{URL: s}); outbound.ReasonOf(err) != outbound.BadURL {
			t.Errorf("dialling %q gave %v", s, err)
		}
	}
}

// FuzzCheckURL looks for a URL that the check takes for another host than the client of Go does.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"http://0x7f.1/", "http://127.0.0.1.:80", "http://[::ffff:7f00:1]", "https://a@b", "http://１２７.0.0.1", "http://0177.1.1"} {
		f.Add(s)
	}
	dead := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }}
	c := outbound.New(outbound.Options{Resolver: dead})
	f.Fuzz(func(t *testing.T, s string) {
		err := c.CheckURL(t.Context(), s)
		if err != nil && thoonk.KindOf(err) != thoonk.Unprocessable {
			t.Fatalf("%q gave %v", s, err)
		}
		if err != nil {
			return
		}
		// What passes has a name, which this resolver does not know, or a public address, which is not here to be dialled: the
		// client is given no time for it.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Do(ctx, outbound.Request{URL: s}); outbound.IsForbidden(err) || outbound.ReasonOf(err) == outbound.BadURL {
			t.Fatalf("%q passed, and then gave %v", s, err)
		}
	})
}

// resolver answers for these names.
func resolver(t testing.TB, names map[string][]string) *net.Resolver {
	t.Helper()
	return thoonktest.Resolver(t, func(name string) []string { return names[name] })
}
