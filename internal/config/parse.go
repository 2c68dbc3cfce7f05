package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, s string) error {
		*field(c) = s
		return nil
	}
}

func number(low, high int, field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return fmt.Errorf("is not a whole number from %d to %d", low, high)
		}
		*field(c) = n
		return nil
	}
}

func duration(low time.Duration, field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < low {
			return fmt.Errorf(`is not a duration of at least %v, as in "30s"`, low)
		}
		*field(c) = d
		return nil
	}
}

func listen(c *Config, s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New(`is not HOST:PORT, as in "127.0.0.1:8080"`)
	}
	c.Listen = s
	return nil
}

func public(c *Config, s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New(`is not an http or https URL with no user, query or fragment, as in "https://feeds.example.org"`)
	}
	c.PublicURL = strings.TrimRight(s, "/")
	return nil
}

// dialect takes none but the contract's. The other one keeps jobs under keys of its own, and announces jobs and feeds on
// channels of its own: serving it would need every script and the adopter twice, and each schedule would have two owners.
func dialect(_ *Config, s string) error {
	switch s {
	case "contract":
		return nil
	case "js":
		return errors.New("is the dialect of the last JavaScript clients, which keep jobs under job.* and recurrings: it is not served; " +
			"let these clients use thoonkd over REST, or take an older version of them, which keeps to the contract")
	}
	return errors.New("is not contract, the only dialect that is served")
}

func jwks(c *Config, s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !thisMachine(u.Hostname())) {
		return errors.New(`is not an https URL with no user or fragment, as in "https://id.example.org/keys" (http to this machine only)`)
	}
	c.AuthJWKS = s
	return nil
}

func rateLimit(c *Config, s string) error {
	const most = 100_000
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.Trim(s, "0123456789.") != "" || n > most {
		return fmt.Errorf(`is not a decimal number from 0 to %d, as in "2.5"`, most)
	}
	c.RateLimit = n
	return nil
}

// corsOrigins takes origins as browsers send them (RFC 6454 section 6.2): they are compared as text.
func corsOrigins(c *Config, s string) error {
	if s == "" {
		return nil
	}
	var origins []string
	for o := range strings.SplitSeq(s, ",") {
		o = strings.TrimSpace(o)
		if o != "*" && !isOrigin(o) {
			return fmt.Errorf("has %q, which is not an origin as browsers send it: as in %q, in lower case, without path and default port", o, "https://app.example.org")
		}
		origins = append(origins, o)
	}
	if len(origins) > 1 && slices.Contains(origins, "*") {
		return errors.New("has * and others: * is all of them")
	}
	c.CORSOrigins = origins
	return nil
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme+"://"+u.Host != s || strings.HasSuffix(u.Host, ":") {
		return false
	}
	defaultPort := u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443"
	odd := func(r rune) bool { return r > '~' || r >= 'A' && r <= 'Z' || r == '*' }
	return !defaultPort && !strings.ContainsFunc(s, odd)
}

// outboundAllow takes blocks of addresses in CIDR form. A block has to begin where it says: 10.1.2.3/8 is a mistake.
func outboundAllow(c *Config, s string) error {
	if s == "" {
		return nil
	}
	var blocks []netip.Prefix
	for text := range strings.SplitSeq(s, ",") {
		block, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || block != block.Masked() || block.Addr().Is4In6() {
			return fmt.Errorf("has %q, which is not a block of addresses, as in 10.1.0.0/16 or fd00::/8", text)
		}
		blocks = append(blocks, block)
	}
	c.OutboundAllow = blocks
	return nil
}

// redis leaves the URL itself to the client that will dial it.
func redis(c *Config, s string) error {
	u, err := url.Parse(s)
	if s != Embedded && (err != nil || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme)) {
		return errors.New(`is not "embedded" or a redis://, rediss:// or unix:// URL`)
	}
	c.Redis = s
	return nil
}

func logLevel(c *Config, s string) error {
	level, ok := levels[s]
	if !ok {
		return errors.New("is not debug, info, warn or error")
	}
	c.LogLevel = level
	return nil
}

func logFormat(c *Config, s string) error {
	if s != "text" && s != "json" {
		return errors.New("is not text or json")
	}
	c.LogFormat = s
	return nil
}

// loopback reports whether only this machine can reach the address.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && thisMachine(host)
}

// thisMachine reports whether a host is one of the names that each machine has for itself.
func thisMachine(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// publicURL derives an address for links from the one that is listened on. One that stands for all addresses of the
// machine is no address to connect to, so the link is good on this machine only.
func publicURL(c Config) string {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return c.Scheme() + "://" + net.JoinHostPort(host, port)
}
