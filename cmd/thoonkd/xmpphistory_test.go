package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// slixmpp asks for the history of a node in every way that there is, and goes on from a notification that it got.
func TestSlixmppHistory(t *testing.T) {
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import slixmpp").Run() != nil {
		thoonktest.Missing(t, "slixmpp is not installed (apt-get install python3-slixmpp): no client of another's asks for the history")
	}
	onServers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		c := s.Component(t)
		p := serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--xmpp-addr", c.Addr, "--xmpp-domain", c.Domain, "--xmpp-secret", c.Secret)
		p.attached()
		rest := p.user("*=admin")
		s.User(t, "alice")
		rest.send(201, "PUT", feedPath("closed"), "", `{}`)
		rest.send(201, "PUT", feedPath("history"), "", `{"content":"json","pubsub":{"access_model":"open"}}`)
		for i := range 12 {
			want := map[bool]int{true: 201, false: 200}[i < 5]
			rest.send(want, "PUT", itemPath("history", fmt.Sprint("i", i%5)), "", fmt.Sprintf(`{"body":%d}`, i))
		}
		rest.send(204, "DELETE", itemPath("history", "i0"), "", "")

		cmd := exec.CommandContext(t.Context(), python, "testdata/slixmpp_mam.py", s.C2S(), s.Host, c.Domain)
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := ""
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch said = lines.Text(); said {
			case "publish":
				rest.send(201, "PUT", itemPath("history", "last"), "", `{"body":1}`)
			case "again":
				rest.send(200, "PUT", itemPath("history", "last"), "", `{"body":2}`)
			}
		}
		if err := cmd.Wait(); err != nil || said != "done" {
			t.Fatalf("after %q: %v\n%s", said, err, &complaint)
		}
	})
}
