package thoonktest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const componentSecret = "s3cret"

// Ports of every XMPP server here: each has an address of this machine of its own, since a server finds another one only
// at port 5269.
const (
	portC2S       = "5222"
	portS2S       = "5269"
	portComponent = 5347 // of an ejabberd, the first one
	portHTTP      = "5280"
)

// components is how many components a server takes, of each sort.
const components = 32

// Component is what a component attaches with.
type Component struct{ Addr, Domain, Secret string }

// XMPPServer is a real Prosody or ejabberd on loopback, without DNS and TLS.
type XMPPServer struct {
	Kind string // "prosody" or "ejabberd"
	Host string // of its users: "a.test"

	ip      string
	dir     string
	ports   int // on which an ejabberd takes components
	command func() *exec.Cmd
	addUser func(host, name, password string) error

	taken, takenPrivileged atomic.Int32
	mu                     sync.Mutex // of what follows
	cmd                    *exec.Cmd
	gone                   chan struct{}
}

// componentAddr is where the n-th component connects to. An ejabberd takes a connection for all components of its port.
func (s *XMPPServer) componentAddr(n int) string {
	port := portComponent
	if s.Kind == "ejabberd" {
		port += n
	}
	return net.JoinHostPort(s.ip, strconv.Itoa(port))
}

// C2S is where clients connect to.
func (s *XMPPServer) C2S() string { return net.JoinHostPort(s.ip, portC2S) }

// WebSocket is where clients connect to by RFC 7395.
func (s *XMPPServer) WebSocket() string {
	return "ws://" + s.webAddr() + "/xmpp-websocket"
}

func (s *XMPPServer) webAddr() string { return net.JoinHostPort(s.ip, portHTTP) }

// PubsubDomain is the address of the server's own pubsub service.
func (s *XMPPServer) PubsubDomain() string { return "pubsub." + s.Host }

// ConfiguredAddr is where the component connects to of a server whose configuration is a test's.
func (s *XMPPServer) ConfiguredAddr() string { return s.componentAddr(0) }

// Component returns a component that nobody else here has got.
func (s *XMPPServer) Component(t testing.TB) Component {
	t.Helper()
	c, ok := s.NextComponent()
	if !ok {
		t.Fatalf("all %d components of %s are taken", components, s.Host)
	}
	return c
}

// NextComponent is Component without a test: ok is false if all are taken.
func (s *XMPPServer) NextComponent() (c Component, ok bool) {
	n := int(s.taken.Add(1)) - 1
	return Component{s.componentAddr(n), fmt.Sprintf("thoonk%d.%s", n, s.Host), componentSecret}, n < components
}

// OpenXMPP starts a server without a test: "prosody" or "ejabberd". stop ends it and removes what it has written.
func OpenXMPP(kind string) (s *XMPPServer, stop func(), err error) {
	create := sharedEjabberd.make
	if kind == "prosody" {
		create = sharedProsody.make
	}
	if s, err = create(); err != nil {
		return nil, nil, err
	}
	if err := s.Start(); err != nil {
		s.remove()
		return nil, nil, err
	}
	return s, s.remove, nil
}

// PrivilegedComponent returns one to which the server grants access to its users' rosters (XEP-0356).
func (s *XMPPServer) PrivilegedComponent(t testing.TB) Component {
	t.Helper()
	n := int(s.takenPrivileged.Add(1)) - 1
	if n >= components {
		t.Fatalf("all %d privileged components of %s are taken", components, s.Host)
	}
	return Component{s.componentAddr(components + n), fmt.Sprintf("friend%d.%s", n, s.Host), componentSecret}
}

// Second returns the same server as the users of another host of it see it. It is neither started nor ended by itself.
func (s *XMPPServer) Second() *XMPPServer {
	return &XMPPServer{Kind: s.Kind, Host: secondOf(s.Host), ip: s.ip, dir: s.dir, addUser: s.addUser}
}

func secondOf(host string) string { return "second." + host }

// User registers a user and returns their address. The password is "pw".
func (s *XMPPServer) User(t testing.TB, name string) string {
	t.Helper()
	if err := s.addUser(s.Host, name, "pw"); err != nil {
		t.Fatal(err)
	}
	return name + "@" + s.Host
}

// Kill ends the server at once, as a crash does, and waits until it is gone.
func (s *XMPPServer) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		<-s.gone
		s.cmd = nil
	}
}

// Start starts the server, again after Kill, and returns once components and users can connect.
func (s *XMPPServer) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.gone = s.command(), make(chan struct{})
	out, err := os.OpenFile(filepath.Join(s.dir, "out.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := startTied(s.cmd, s.gone); err != nil {
		s.cmd = nil
		return err
	}
	deadline := time.Now().Add(startPatience)
	for _, addr := range []string{s.componentAddr(s.ports - 1), s.C2S(), s.webAddr()} { // they open one after the other
		if err := s.listens(addr, deadline); err != nil {
			return err
		}
	}
	return nil
}

const startPatience = 60 * time.Second // the machine may be busy

// listens waits until the server takes connections at an address.
func (s *XMPPServer) listens(addr string, deadline time.Time) error {
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.gone:
			return fmt.Errorf("%s ended:\n%s", s.Kind, s.Log())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not listen at %s:\n%s", s.Kind, addr, s.Log())
		}
	}
}

// Restart kills the server and starts it again.
func (s *XMPPServer) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
}

// Log returns what the server has written.
func (s *XMPPServer) Log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "out.log"))
	return string(b)
}

func (s *XMPPServer) remove() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
}

// loopback returns an address of this machine at which nobody listens.
func loopback() (string, error) {
	for range 100 {
		ip := fmt.Sprintf("127.%d.%d.%d", 16+rand.IntN(230), rand.IntN(256), 1+rand.IntN(253))
		l, err := net.Listen("tcp", net.JoinHostPort(ip, portS2S))
		if err == nil {
			_ = l.Close()
			return ip, nil
		}
	}
	return "", errors.New("no address of 127.0.0.0/8 can be listened on")
}

// startTied starts a process that the system kills when this one is gone, however it ends. The tie is to the thread
// that starts it, which therefore waits for it.
func startTied(cmd *exec.Cmd, gone chan<- struct{}) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The thread is not unlocked: it ends with the goroutine, and nothing else is tied to it.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(gone)
		}
	}()
	return <-started
}

func domains(host string) []string {
	all := []string{host, "pubsub." + host}
	for _, prefix := range []string{"thoonk", "friend"} {
		for n := range components {
			all = append(all, fmt.Sprintf("%s%d.%s", prefix, n, host))
		}
	}
	return all
}

func hostsFile(dir string, hosts map[string]string) (string, error) {
	var b strings.Builder
	for host, ip := range hosts {
		for _, d := range domains(host) {
			fmt.Fprintf(&b, "%s %s\n", ip, d)
		}
	}
	name := filepath.Join(dir, "hosts")
	return name, os.WriteFile(name, []byte(b.String()), 0o600)
}
