package outbound

import (
	"context"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	maxURL        = 2048
	lookupTimeout = 2 * time.Second
)

// CheckURL returns nil if s is a URL that could be dialled now, and an error of kind [thoonk.Unprocessable] otherwise, in
// which an [Error] says the reason. It connects to nothing; it looks the host's name up. A name that cannot be looked up
// passes: its zone may be away for a moment, and what counts is what is dialled.
func (c *Client) CheckURL(ctx context.Context, s string) error {
	u, err := parseURL(s)
	if err != nil {
		return err
	}
	if ip, ok := literal(u.Hostname()); ok {
		return c.checkAddr(ip)
	}
	addrs, err := c.lookup(ctx, u.Hostname())
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, ip := range addrs { // one is enough: which one is dialled is chance
		if err := c.checkAddr(ip); err != nil {
			return err
		}
	}
	return nil
}

// checkAddr asks the guard. An IPv4 address in one of IPv6 is dialled as IPv4.
func (c *Client) checkAddr(ip netip.Addr) error {
	if err := c.guard.SafeAddr(ip.Unmap()); err != nil {
		refused := &Error{Reason: Forbidden, Err: err}
		return thoonk.E(thoonk.Unprocessable, "the URL may not be dialled: its host is not public").Because(refused)
	}
	return nil
}

// parseURL returns s, with a host in ASCII, if it is of a form that is dialled at all.
func parseURL(s string) (*url.URL, error) {
	bad := func(format string, args ...any) (*url.URL, error) {
		return nil, thoonk.E(thoonk.Unprocessable, format, args...).Because(&Error{Reason: BadURL})
	}
	if len(s) > maxURL {
		return bad("the URL is longer than %d bytes", maxURL)
	}
	u, err := url.Parse(s)
	if err != nil {
		return bad("not a URL")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("the URL is neither http nor https")
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return bad("the URL has no host, or an empty port")
	case u.User != nil:
		return bad("the URL has a user or a password in it")
	case u.Port() != "" && (err != nil || port == 0):
		return bad("the URL's port is none")
	case strings.Contains(u.Hostname(), "%"):
		return bad("the URL's host has a zone")
	}
	if strings.Contains(u.Hostname(), ":") {
		return u, nil // IPv6
	}
	host, err := ascii(strings.TrimSuffix(u.Hostname(), "."))
	if err != nil || host == "" || host[0] == '.' || strings.Contains(host, "..") {
		return bad("the URL's host is no name")
	}
	if u.Port() != "" {
		host += ":" + u.Port()
	}
	u.Host = host
	return u, nil
}

// ascii returns a host's name in ASCII. One that is has what characters it likes: hosts with "_" are about.
func ascii(host string) (string, error) {
	if strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return idna.Lookup.ToASCII(host)
	}
	return host, nil
}

// literal returns the address that a host is. Besides the usual forms it knows those that resolvers of C take too, as in
// 0x7f.1 or 017700000001: some of them dial these (inet_aton(3)).
func literal(host string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, true
	}
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var n uint64
	for i, part := range parts {
		most := uint64(255)
		if i == len(parts)-1 {
			most = 1<<(8*(5-len(parts))) - 1 // the last one takes the bytes that are left
		}
		v, ok := number(part)
		if !ok || v > most {
			return netip.Addr{}, false
		}
		if i == len(parts)-1 {
			n = n<<(8*(5-len(parts))) | v
		} else {
			n = n<<8 | v
		}
	}
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), true
}

// number reads a number of C: decimal, 0 and octal, 0x and hexadecimal.
func number(s string) (uint64, bool) {
	base := 10
	switch lower := strings.ToLower(s); {
	case strings.HasPrefix(lower, "0x"):
		s, base = s[2:], 16
		if s == "" {
			return 0, true
		}
	case len(s) > 1 && s[0] == '0':
		base = 8
	}
	v, err := strconv.ParseUint(s, base, 32)
	return v, err == nil
}
