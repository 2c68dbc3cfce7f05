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
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// publicURL derives an address for links from the one that is listened on. One that stands for all addresses of the
// machine is no address to connect to, so the link is good on this machine only.
func publicURL(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
