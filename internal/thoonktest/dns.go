package thoonktest

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolver answers by a DNS server of its own, with what addresses returns of a name, as in "example.org."; nil: there is
// no such name.
func Resolver(t testing.TB, addresses func(name string) []string) *net.Resolver {
	t.Helper()
	addr := nameServer(t, func(query []byte) ([]byte, error) { return resolve(query, addresses) })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", addr)
	}}
}

func resolve(query []byte, addresses func(string) []string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	addrs := addresses(strings.ToLower(q.Name.String()))
	m.Response, m.Additionals = true, nil
	if addrs == nil {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addrs {
		ip := netip.MustParseAddr(a)
		header := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type}
		switch {
		case q.Type == dnsmessage.TypeA && ip.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
		case q.Type == dnsmessage.TypeAAAA && ip.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return m.Pack()
}

// nameServer answers queries until the test is over, and returns where.
func nameServer(t testing.TB, answer func(query []byte) ([]byte, error)) (addr string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer, err := answer(buffer[:n]); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// serviceNames is a name server that knows at which address the servers of hosts, and of all that is below them, take other servers
// (RFC 6120 section 3.2.1). It gives the address where a name belongs, as nothing here has names for hosts.
func serviceNames(t testing.TB, hosts map[string]string) (addr string) {
	t.Helper()
	return nameServer(t, func(query []byte) ([]byte, error) {
		var m dnsmessage.Message
		if err := m.Unpack(query); err != nil {
			return nil, err
		}
		m.Response, m.Additionals, m.RCode = true, nil, dnsmessage.RCodeNameError
		q := m.Questions[0]
		name, found := strings.CutPrefix(strings.TrimSuffix(strings.ToLower(q.Name.String()), "."), "_xmpp-server._tcp.")
		for host, ip := range hosts {
			if found && q.Type == dnsmessage.TypeSRV && (name == host || strings.HasSuffix(name, "."+host)) {
				m.RCode = dnsmessage.RCodeSuccess
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type, TTL: 60},
					Body:   &dnsmessage.SRVResource{Priority: 1, Weight: 1, Port: 5269, Target: dnsmessage.MustNewName(ip + ".")},
				}}
			}
		}
		return m.Pack()
	})
}
