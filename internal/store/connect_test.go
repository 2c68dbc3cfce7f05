package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func opens(t *testing.T, address string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	thoonktest.Eventually(t, "a write goes through "+address, func() bool {
		_, _, err := s.PutFeed(t.Context(), thoonk.PutFeed{Name: "a"})
		return err == nil
	})
	return s
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	port := freePort(t)
	thoonktest.Redis(t, thoonktest.WithArgs("--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no"))
	opens(t, "rediss://127.0.0.1:"+port+"?skip_verify=true")

	s, err := store.Open(store.Options{URL: "rediss://127.0.0.1:" + port})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Ping(t.Context()); err == nil {
		t.Fatal("a certificate that nobody vouches for was taken")
	}
}

func certificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", der)
}

// A sentinel names the master. When it fails over, writes go to the new one, and the adopter follows.
func TestSentinel(t *testing.T) {
	t.Parallel()
	ports := []string{freePort(t), freePort(t), freePort(t)}
	redisAt := func(port string, args ...string) *thoonktest.RedisServer {
		return thoonktest.Redis(t, thoonktest.WithArgs(append([]string{"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"}, args...)...))
	}
	master := redisAt(ports[0])
	replica := redisAt(ports[1], "--replicaof", "127.0.0.1 "+ports[0])
	startSentinel(t, ports[2], ports[0])
	thoonktest.Eventually(t, "the replica is in step", func() bool {
		return master.Client().Do(t.Context(), "WAIT", 1, 100).Val() == int64(1)
	})

	address := url.URL{Scheme: "redis", Host: "127.0.0.1:" + ports[2], RawQuery: "master_name=main"}
	s := opens(t, address.String())
	f := &fixture{T: t, Store: s, ctx: t.Context(), redis: replica.Client()}
	a := f.adopting()
	master.Kill()
	thoonktest.Eventually(t, "the replica is the master", func() bool {
		role, err := replica.Client().Do(t.Context(), "ROLE").Slice()
		return err == nil && role[0] == "master"
	})
	opens(t, address.String())
	thoonktest.Eventually(t, "writes go on", func() bool {
		_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "a", ID: "x", Form: thoonk.FormText, Body: []byte("1")})
		return err == nil
	})
	thoonktest.Eventually(t, "the adopter follows", func() bool { return a.Ready() == nil })
	f.foreign().Publish("a", "y", "2")
	f.settled()
	f.agrees("a")
}

func startSentinel(t *testing.T, port, master string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	config := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor main 127.0.0.1 %s 1\nsentinel down-after-milliseconds main 300\n"+
		"sentinel failover-timeout main 2000\n", port, dir, master)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(thoonktest.NeedRedis(t), file, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}
