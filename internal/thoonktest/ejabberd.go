package thoonktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Ejabberd starts an ejabberd for the users of c.test. It ends with the test. Where there is none the test is skipped, or
// fails under CI=true.
func Ejabberd(t testing.TB) *XMPPServer {
	t.Helper()
	needEjabberd(t)
	return own(t, func() (*XMPPServer, error) { return newEjabberd("", "") })
}

// SharedEjabberd returns the one ejabberd of this test process that tests share which do not restart it. Its [TestMain] calls
// [StopShared].
func SharedEjabberd(t testing.TB) *XMPPServer {
	t.Helper()
	needEjabberd(t)
	return sharedEjabberd.get(t)
}

func needEjabberd(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("erl"); err != nil || ejabberdCode() == "" {
		Missing(t, "ejabberd is not installed (apt-get install ejabberd): nothing is tested against it here")
	}
}

// ejabberdCode returns the folder of its compiled modules.
func ejabberdCode() string {
	found, _ := filepath.Glob("/usr/lib/*/ejabberd-*/ebin/ejabberd.app")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[0])
}

// ConfiguredEjabberd starts an ejabberd for the users of a host, with parts of its configuration as the test wants them: one that ends
// with some of its listeners, and one that ends with some of its modules. It has an address of its own, in place of 127.0.0.1. It ends
// with the test.
func ConfiguredEjabberd(t testing.TB, host, listeners, modules string) *XMPPServer {
	t.Helper()
	needEjabberd(t)
	return own(t, func() (*XMPPServer, error) { return ejabberdWith(host, listeners, modules, 1, "", "") })
}

// ProsodyAndEjabberd starts a Prosody, of a.test, and an ejabberd, of c.test, that reach each other.
func ProsodyAndEjabberd(t testing.TB) (a, c *XMPPServer) {
	t.Helper()
	needProsody(t)
	needEjabberd(t)
	hosts := map[string]string{}
	for _, host := range []string{"a.test", "c.test"} {
		ip, err := loopback()
		if err != nil {
			t.Fatal(err)
		}
		hosts[host] = ip
	}
	names := serviceNames(t, hosts)
	return own(t, func() (*XMPPServer, error) { return newProsody("a.test", hosts) }),
		own(t, func() (*XMPPServer, error) { return newEjabberd(hosts["c.test"], names) })
}

// newEjabberd prepares a server at an address, by default one of its own. names is where it looks up other servers; empty: nowhere.
func newEjabberd(ip, names string) (*XMPPServer, error) {
	const host = "c.test"
	listeners, friends := "listen:\n", []string{}
	for n, d := range domains(host)[2:] {
		listeners += fmt.Sprintf("  - {port: %d, ip: 127.0.0.1, module: ejabberd_service, access: all, shaper: none, hosts: {%s: {password: %s}}}\n",
			portComponent+n, d, componentSecret)
		if strings.HasPrefix(d, "friend") {
			friends = append(friends, d)
		}
	}
	return ejabberdWith(host, listeners, fmt.Sprintf(`acl: {friends: {server: [%s]}}
access_rules: {friends: {allow: friends}}
modules:
  mod_privilege: {roster: {both: friends}}
`, strings.Join(friends, ", ")), 2*components, ip, names)
}

// ejabberdWith prepares a server that takes components on some ports.
func ejabberdWith(host, listeners, modules string, ports int, ip, names string) (*XMPPServer, error) {
	if ip == "" {
		var err error
		if ip, err = loopback(); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "ejabberd")
	if err != nil {
		return nil, err
	}
	s := &XMPPServer{Kind: "ejabberd", Host: host, ip: ip, dir: dir, ports: ports}
	config := filepath.Join(dir, "ejabberd.yml")
	text := strings.NewReplacer("LISTENERS\n", listeners, "MODULES\n", modules, "USERS", host).Replace(ejabberdConfig)
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(text, "127.0.0.1", ip)), 0o600); err != nil {
		return nil, err
	}
	inetrc := filepath.Join(dir, "inetrc") // which an ejabberd obeys for the names of services, and not for those of hosts
	known := "{resolv_conf, \"\"}.\nclear_ns.\n{lookup, [file, dns]}.\n"
	if at, port, err := net.SplitHostPort(names); err == nil {
		known += fmt.Sprintf("{nameserver, {%s}, %s}.\n", strings.ReplaceAll(at, ".", ", "), port)
	}
	if err := os.WriteFile(inetrc, []byte(known), 0o600); err != nil {
		return nil, err
	}
	s.command = func() *exec.Cmd {
		cmd := exec.Command("erl", "-noinput", "-pa", ejabberdCode(), "-mnesia", "dir", fmt.Sprintf("%q", filepath.Join(dir, "db")), "-s", "ejabberd")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "EJABBERD_CONFIG_PATH="+config, "EJABBERD_LOG_PATH="+filepath.Join(dir, "ejabberd.log"), "HOME="+dir, "ERL_INETRC="+inetrc)
		return cmd
	}
	s.addUser = func(host, name, password string) error {
		body, _ := json.Marshal(map[string]string{"user": name, "host": host, "password": password})
		resp, err := http.Post("http://"+net.JoinHostPort(ip, portHTTP)+"/api/register", "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusConflict {
			return fmt.Errorf("ejabberd answers %s: %s", resp.Status, answer)
		}
		return err
	}
	return s, nil
}

const ejabberdConfig = `
loglevel: warning
hosts: [USERS, second.USERS]
LISTENERS
  - {port: 5222, ip: 127.0.0.1, module: ejabberd_c2s, max_stanza_size: 4000000, shaper: none, access: all}
  - {port: 5269, ip: 127.0.0.1, module: ejabberd_s2s_in, max_stanza_size: 4000000}
  - {port: 5280, ip: 127.0.0.1, module: ejabberd_http, request_handlers: {/api: mod_http_api, /xmpp-websocket: ejabberd_http_ws}}
s2s_use_starttls: false
s2s_dns_timeout: 1
s2s_dns_retries: 1
auth_method: internal
auth_password_format: plain
api_permissions: {tests: {who: all, what: "*"}}
MODULES
  mod_disco: {}
  mod_ping: {}
  mod_roster: {}
  mod_http_api: {}
  mod_s2s_dialback: {}
  mod_pubsub: {host: pubsub.@HOST@, access_createnode: all, plugins: [flat]}
`
