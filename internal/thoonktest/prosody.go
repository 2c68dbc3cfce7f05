package thoonktest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Prosody starts a Prosody for the users of a.test. It ends with the test. Where there is none the test is skipped, or
// fails under CI=true.
func Prosody(t testing.TB) *XMPPServer {
	t.Helper()
	needProsody(t)
	ip, err := loopback()
	if err != nil {
		t.Fatal(err)
	}
	return own(t, func() (*XMPPServer, error) { return newProsody("a.test", map[string]string{"a.test": ip}) })
}

// ProsodyPair starts two servers, of a.test and of b.test, that reach each other.
func ProsodyPair(t testing.TB) (a, b *XMPPServer) {
	t.Helper()
	needProsody(t)
	hosts := map[string]string{}
	for _, host := range []string{"a.test", "b.test"} {
		ip, err := loopback()
		if err != nil {
			t.Fatal(err)
		}
		hosts[host] = ip
	}
	return own(t, func() (*XMPPServer, error) { return newProsody("a.test", hosts) }),
		own(t, func() (*XMPPServer, error) { return newProsody("b.test", hosts) })
}

// SharedProsody returns the one Prosody of this test process that tests share which do not restart it. Its [TestMain]
// calls [StopShared].
func SharedProsody(t testing.TB) *XMPPServer {
	t.Helper()
	needProsody(t)
	return sharedProsody.get(t)
}

// StopShared ends the servers that tests have shared.
func StopShared() {
	sharedProsody.stop()
	sharedEjabberd.stop()
}

var (
	sharedProsody = shared{make: func() (*XMPPServer, error) {
		ip, err := loopback()
		if err != nil {
			return nil, err
		}
		return newProsody("a.test", map[string]string{"a.test": ip})
	}}
	sharedEjabberd = shared{make: func() (*XMPPServer, error) { return newEjabberd("", "") }}
)

// shared is a server that is started when it is first asked for.
type shared struct {
	make   func() (*XMPPServer, error)
	once   sync.Once
	server *XMPPServer
	err    error
}

func (s *shared) get(t testing.TB) *XMPPServer {
	t.Helper()
	s.once.Do(func() {
		if s.server, s.err = s.make(); s.err == nil {
			s.err = s.server.Start()
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

func (s *shared) stop() {
	if s.server != nil {
		s.server.remove()
	}
}

// own starts a server that ends with the test.
func own(t testing.TB, create func() (*XMPPServer, error)) *XMPPServer {
	t.Helper()
	s, err := create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.remove)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func needProsody(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("prosody"); err != nil {
		Missing(t, "prosody is not installed (apt-get install prosody prosody-modules lua-unbound): nothing is tested against it here")
	}
}

// ConfiguredProsody starts a Prosody for the users of a host, with a part of its configuration that says of components whatever the
// test wants. It has an address of its own, whatever that part says. It ends with the test.
func ConfiguredProsody(t testing.TB, host, config string) *XMPPServer {
	t.Helper()
	needProsody(t)
	ip, err := loopback()
	if err != nil {
		t.Fatal(err)
	}
	return own(t, func() (*XMPPServer, error) {
		return prosodyWith(host, map[string]string{host: ip}, fmt.Sprintf("VirtualHost %q\n%s", host, config))
	})
}

// newProsody prepares a server of one of the hosts, which all know the addresses of each other.
func newProsody(host string, hosts map[string]string) (*XMPPServer, error) {
	var b strings.Builder
	for _, h := range []string{host, secondOf(host)} {
		fmt.Fprintf(&b, "VirtualHost %q\n  modules_enabled = { \"privilege\" }\n  privileged_entities = {\n", h)
		for _, d := range domains(host)[2:] {
			if strings.HasPrefix(d, "friend") {
				fmt.Fprintf(&b, "    [%q] = { roster = \"both\" };\n", d)
			}
		}
		b.WriteString("  }\n")
	}
	b.WriteString("Component \"pubsub." + host + "\" \"pubsub\"\n  admins = { \"admin@" + host + "\", \"admin@thoonk0." + host + "\" }\n")
	for _, d := range domains(host)[2:] {
		fmt.Fprintf(&b, "Component %q\n  component_secret = %q\n", d, componentSecret)
		if strings.HasPrefix(d, "friend") {
			b.WriteString("  modules_enabled = { \"privilege\" }\n") // it says there what is granted
		}
	}
	return prosodyWith(host, hosts, b.String())
}

// prosodyWith prepares a server with a configuration of its hosts and components.
func prosodyWith(host string, hosts map[string]string, parts string) (*XMPPServer, error) {
	dir, err := os.MkdirTemp("", "prosody")
	if err != nil {
		return nil, err
	}
	s := &XMPPServer{Kind: "prosody", Host: host, ip: hosts[host], dir: dir, ports: 1}
	known, err := hostsFile(dir, hosts)
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(prosodyConfig, filepath.Join(dir, "data"), filepath.Join(dir, "pid"), s.ip, known) + parts
	config := filepath.Join(dir, "prosody.cfg.lua")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s.command = func() *exec.Cmd { return exec.Command("prosody", "--config", config, "-F") }
	s.addUser = func(host, name, password string) error {
		accounts := filepath.Join(dir, "data", strings.ReplaceAll(host, ".", "%2e"), "accounts")
		if err := os.MkdirAll(accounts, 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(accounts, name+".dat"), fmt.Appendf(nil, "return { [\"password\"] = %q; };\n", password), 0o600)
	}
	return s, nil
}

// prosodyConfig takes the folder for data, the file for the process id, the address, and the file of known hosts.
const prosodyConfig = `
data_path = %q
pidfile = %q
local ip = %q
run_as_root = true
interfaces = { ip }; local_interfaces = { ip }
component_interfaces = { ip }; component_ports = { 5347 }
http_interfaces = { ip }; http_ports = { 5280 }; https_ports = {}
s2s_direct_tls_ports = {}; c2s_direct_tls_ports = {}
unbound = { resolvconf = false; hoststxt = %q }
modules_enabled = { "roster", "saslauth", "disco", "ping", "dialback", "s2s", "c2s", "posix", "websocket" }
modules_disabled = { "tls", "offline", "s2s_auth_certs" }
consider_websocket_secure = true
c2s_require_encryption = false; s2s_require_encryption = false; s2s_secure_auth = false
allow_unencrypted_plain_auth = true; authentication = "internal_plain"; limits = {}
component_stanza_size_limit = 1024*512
log = { warn = "*console" }
certificates = "."
`
