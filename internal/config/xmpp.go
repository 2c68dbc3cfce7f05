package config

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/thoonkd/thoonkd/auth"
)

// XMPP is a component of one XMPP server (XEP-0114).
type XMPP struct {
	Addr   string // host:port where the server waits for components
	Domain string // the component's address
	Secret string
	// JIDs are the grants of those who come over this link. A server can assert any sender, so each link has a table of its
	// own, or the common one.
	JIDs auth.JIDs
	// Rosters are the hosts of that server, beside the one that the component's address belongs to, whose word counts that the rosters of
	// their users may be read.
	Rosters []string
}

func xmppAddr(x *XMPP, s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New(`is not HOST:PORT, as in "127.0.0.1:5347"`)
	}
	x.Addr = s
	return nil
}

func xmppDomain(x *XMPP, s string) error {
	x.Domain = s
	return checkDomain(s)
}

func checkDomain(s string) error {
	if strings.Contains(s, "@") || auth.CheckJID(s) != nil {
		return errors.New(`is not a domain in lower case, as in "thoonk.example.org"`)
	}
	return nil
}

// hosts reads a list of domains.
func (l *loader) hosts(key string, value any, file string) []string {
	list, ok := value.([]any)
	if !ok {
		l.problem("%s: %s in %s, where a list of hosts belongs", key, describe(value), file)
		return nil
	}
	var hosts []string
	for i, v := range list {
		host, ok := v.(string)
		if !ok {
			l.problem("%s[%d]: %s in %s, where a host belongs", key, i, describe(v), file)
		} else if err := checkDomain(host); err != nil {
			l.problem("%s[%d]: %q from %s %w", key, i, host, file, err)
		}
		hosts = append(hosts, host)
	}
	return hosts
}

// ofXMPP parses a setting of the link that flags describe; empty: there is none.
func ofXMPP(parse func(*XMPP, string) error) func(*Config, string) error {
	return func(c *Config, s string) error {
		if s == "" {
			return nil
		}
		if len(c.XMPP) == 0 {
			c.XMPP = []XMPP{{}}
		}
		return parse(&c.XMPP[0], s)
	}
}

// jids reads grants by JID.
func (l *loader) jids(key string, value any, file string) auth.JIDs {
	table, ok := value.(map[string]any)
	if !ok {
		l.problem("%s: %s in %s, where JIDs with their grants belong", key, describe(value), file)
		return nil
	}
	all := auth.JIDs{}
	for _, jid := range slices.Sorted(maps.Keys(table)) {
		if err := auth.CheckJID(jid); err != nil {
			l.problem("%s: %q in %s: %w", key, jid, file, err)
			continue
		}
		all[jid] = l.grants(key+"."+jid, table[jid], file)
	}
	return all
}

// links reads the components.
func (l *loader) links(value any, file string) []XMPP {
	list, ok := value.([]any)
	if !ok {
		l.problem("xmpp: %s in %s, where a list of components belongs", describe(value), file)
		return nil
	}
	var links []XMPP
	for i, v := range list {
		key := "xmpp[" + strconv.Itoa(i) + "]"
		fields, ok := v.(map[string]any)
		if !ok {
			l.problem("%s: %s in %s, where addr, domain, secret, jids and rosters belong", key, describe(v), file)
			continue
		}
		links = append(links, l.link(key, fields, file))
	}
	return links
}

func (l *loader) link(key string, fields map[string]any, file string) XMPP {
	var x XMPP
	before := len(l.problems)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch name {
		case "jids":
			x.JIDs = l.jids(key+".jids", fields[name], file)
			continue
		case "rosters":
			x.Rosters = l.hosts(key+".rosters", fields[name], file)
			continue
		}
		text, ok := fields[name].(string)
		var err error
		switch {
		case name != "addr" && name != "domain" && name != "secret":
			l.problem("%s: unknown key %q in %s", key, name, file)
			continue
		case !ok:
			l.problem("%s.%s: %s in %s, where a text belongs", key, name, describe(fields[name]), file)
			continue
		case name == "addr":
			err = xmppAddr(&x, text)
		case name == "domain":
			err = xmppDomain(&x, text)
		case name == "secret":
			x.Secret = text
		}
		if err != nil {
			l.problem("%s.%s: %q from %s %w", key, name, text, file, err)
		}
	}
	if !x.whole() && len(l.problems) == before {
		l.problem("%s in %s: a component needs addr, domain and secret", key, file)
	}
	return x
}

func (x XMPP) whole() bool { return x.Addr != "" && x.Domain != "" && x.Secret != "" }

// checkXMPP adds the components of the file to the one of the flags, checks them against each other, and gives those
// without grants of their own the common ones.
func (l *loader) checkXMPP(c *Config) {
	for _, key := range []string{"xmpp-addr", "xmpp-domain", "xmpp-secret"} {
		if len(c.XMPP) > 0 && l.values.String(key) == "" {
			l.problem("%s: is not given: a component needs xmpp-addr, xmpp-domain and xmpp-secret", key)
		}
	}
	c.XMPP = append(c.XMPP, l.xmpp...)
	seen := map[string]bool{}
	for i := range c.XMPP {
		x := &c.XMPP[i]
		if seen[x.Domain] {
			l.problem("xmpp: two components have the domain %s", x.Domain)
		}
		seen[x.Domain] = true
		if x.JIDs == nil {
			x.JIDs = l.common
		}
	}
}
