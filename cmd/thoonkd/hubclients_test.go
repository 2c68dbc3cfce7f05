package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func hmacHex(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// A subscriber in Node that others wrote subscribes, and gets what is published.
func TestHubAndNode(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("npm"); err != nil {
		thoonktest.Missing(t, "npm is not installed (apt-get install nodejs npm): no subscriber of others is served")
	}
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "pubsubhubbub@1.0.2")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script, err := os.ReadFile("testdata/pubsubhubbub.js")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "subscriber.js"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	p := serveHub(t)
	u := p.user("*=admin")
	u.send(201, "PUT", "/v1/feeds/blog", "", `{}`)
	node := exec.CommandContext(t.Context(), "node", "--no-deprecation", "subscriber.js", p.url+"/feeds/blog.atom", p.url+"/hub")
	node.Dir, node.Stderr = dir, os.Stderr
	node.WaitDelay = time.Second
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() { _ = node.Process.Kill(); _ = node.Wait() })
	if got := thoonktest.Next(t, lines); got != "subscribe "+p.url+"/feeds/blog.atom" {
		t.Fatal(got)
	}
	thoonktest.Eventually(t, "the subscription is there", func() bool {
		return strings.Contains(string(u.send(200, "GET", "/v1/subscriptions", "", "").body), `"id"`)
	})
	u.send(201, "PUT", "/v1/feeds/blog/items/x", "", `{"text":"to node"}`)
	if got := thoonktest.Next(t, lines); got != "feed "+p.url+"/feeds/blog.atom true" {
		t.Error(got)
	}
}

// Debian's publisher in PHP takes 204 for success, and nothing else.
func TestHubAndPHP(t *testing.T) {
	t.Parallel()
	const library = "/usr/share/php/Pubsubhubbub/Publisher/Publisher.php"
	if _, err := exec.LookPath("php"); err != nil {
		thoonktest.Missing(t, "php is not installed (apt-get install php-cli php-pubsubhubbub-publisher): no publisher of others pings the hub")
	}
	if _, err := os.Stat(library); err != nil {
		thoonktest.Missing(t, "php-pubsubhubbub-publisher is not installed: no publisher of others pings the hub")
	}
	p := serveHub(t)
	const program = `require $argv[1]; $p = new pubsubhubbub\publisher\Publisher($argv[2]);
		echo $p->publish_update(array_slice($argv, 3)) ? "published" : "refused: " . $p->last_response();`
	ping := func(urls ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "php", append([]string{"-r", program, "--", library, p.url + "/hub"}, urls...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if got := ping(p.url+"/feeds/blog.atom", p.url+"/feeds/blog.rss"); got != "published" {
		t.Error(got)
	}
	if got := ping("https://elsewhere.test/"); !strings.Contains(got, "refused") {
		t.Error(got)
	}
}
