package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// readmeOfXMPP is the part of the README about XMPP.
type readmeOfXMPP string

func readXMPP(t *testing.T) readmeOfXMPP {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(text), "\n## XMPP publish-subscribe\n")
	part, _, ended := strings.Cut(part, "\n## ")
	if !found || !ended {
		t.Fatal("the README has no part about XMPP")
	}
	return readmeOfXMPP(part)
}

// block returns the one code block of a language that has a text in it, as it stands.
func (r readmeOfXMPP) block(t *testing.T, language, with string) string {
	t.Helper()
	var found []string
	for _, rest := range strings.Split(string(r), "```"+language+"\n")[1:] {
		if code, _, _ := strings.Cut(rest, "```"); strings.Contains(code, with) {
			found = append(found, code)
		}
	}
	if len(found) != 1 {
		t.Fatalf("the README has %d blocks of %s with %s", len(found), language, with)
	}
	return found[0]
}

// flags returns the flags that thoonkd is to be started with.
func (r readmeOfXMPP) flags(t *testing.T) []string {
	t.Helper()
	found := regexp.MustCompile("`(--xmpp-addr [^`]+)`").FindStringSubmatch(string(r))
	if found == nil {
		t.Fatal("the README has no flags")
	}
	return strings.Fields(found[1])
}

// file returns the configuration with several links.
func (r readmeOfXMPP) file(t *testing.T) string {
	t.Helper()
	var lines []string
	for line := range strings.SplitSeq(string(r), "\n") {
		if in, found := strings.CutPrefix(line, "    "); found && (len(lines) > 0 || strings.HasPrefix(in, "jids:")) {
			lines = append(lines, in)
		} else if len(lines) > 0 {
			break
		}
	}
	text := strings.Join(lines, "\n") + "\n"
	if !strings.Contains(text, "xmpp:\n") || !strings.Contains(text, "thoonk.partner.example") {
		t.Fatalf("the README has the file %q", text)
	}
	return text
}

// What the README says of both servers, word for word, lets them take thoonkd as a component: only the address at which they listen is
// another one. A client of another's uses it then, and rosters may be read if that was said too.
func TestXMPPReadme(t *testing.T) {
	t.Parallel()
	r := readXMPP(t)
	const host = "example.org"
	lua, luaRosters := r.block(t, "lua", "component_secret"), r.block(t, "lua", "privileged_entities")
	yaml, yamlRosters := r.block(t, "yaml", "ejabberd_service"), r.block(t, "yaml", "mod_privilege")
	for name, test := range map[string]struct {
		start   func(t *testing.T) *thoonktest.XMPPServer
		file    bool // several links
		rosters bool
	}{
		"prosody": {func(t *testing.T) *thoonktest.XMPPServer { return thoonktest.ConfiguredProsody(t, host, lua) }, false, false},
		"prosody, rosters": {func(t *testing.T) *thoonktest.XMPPServer {
			return thoonktest.ConfiguredProsody(t, host, lua+luaRosters)
		}, true, true},
		"ejabberd": {func(t *testing.T) *thoonktest.XMPPServer {
			return thoonktest.ConfiguredEjabberd(t, host, yaml, "modules:\n")
		}, true, false},
		"ejabberd and rosters": {func(t *testing.T) *thoonktest.XMPPServer {
			return thoonktest.ConfiguredEjabberd(t, host, yaml, yamlRosters)
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.start(t)
			at := func(text string) string { return strings.ReplaceAll(text, "127.0.0.1:5347", s.ConfiguredAddr()) }
			config, args := at(r.file(t)), []string{}
			if !test.file {
				config, _, _ = strings.Cut(config, "xmpp:")
				for _, flag := range r.flags(t) {
					args = append(args, at(flag))
				}
			}
			file := writeFile(t, config)
			if checked := thoonkd(t, nil, "config", "check", "--config", file); checked.code != 0 {
				t.Fatal(checked.stderr)
			}
			p := serveReady(t, append(args, "--redis", thoonktest.Redis(t).URL(), "--config", file)...)
			thoonktest.Eventually(t, "the component is attached", func() bool {
				return strings.Contains(string(p.do("GET", "/metrics", "", "").body), `thoonkd_xmpp_attached{domain="thoonk.example.org"} 1`)
			})
			p.readmeRoundTrip(s)
			thoonktest.Eventually(t, "rosters may be read, or not", func() bool {
				romeo := login(t, s, "thoonk.example.org", "romeo")
				defer romeo.Close()
				return strings.Contains(romeo.ask(t, "get", discoService), "#access-roster") == test.rosters
			})
		})
	}
}

// readmeRoundTrip has a client read a node, and told of what is published then.
func (p *process) readmeRoundTrip(s *thoonktest.XMPPServer) {
	p.t.Helper()
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import slixmpp").Run() != nil {
		thoonktest.Missing(p.t, "slixmpp is not installed (apt-get install python3-slixmpp): no client of another's uses what the README configures")
	}
	rest := p.user("*=admin")
	rest.send(201, "PUT", feedPath("news"), "", `{"content":"json"}`)
	rest.send(201, "PUT", itemPath("news", "first"), "", `{"body":{"n": 1}}`)
	cmd := exec.CommandContext(p.t.Context(), python, "testdata/slixmpp_readme.py", s.C2S(), s.User(p.t, "juliet"), "thoonk.example.org", "news")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said = lines.Text(); said == "ready" {
			rest.send(201, "PUT", itemPath("news", "told"), "", `{"body":{"n": 2}}`)
		}
	}
	if err := cmd.Wait(); err != nil || said != "ready" {
		p.t.Fatal(fmt.Errorf("after %q: %w\n%s", said, err, &complaint))
	}
}
