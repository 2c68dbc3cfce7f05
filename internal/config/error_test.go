package config_test

import (
	"strings"
	"testing"
)

func TestErrorsInTheFile(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"lisen: x":                            "lisen: unknown key in ",
		"jids: []":                            "jids: a list in ",
		"jids: {A@b: []}":                     `jids: "A@b" in `,
		"jids: {a@b: x}":                      "jids.a@b: a text in ",
		"jids: {a@b: [{match: x, can: [y]}]}": "jids.a@b[0] in ",
		"xmpp: {}":                            "xmpp: a mapping in ",
		"xmpp: [x]":                           "xmpp[0]: a text in ",
		"xmpp: [{}]":                          "xmpp[0] in ",
		"xmpp: [{addr: x}]":                   `xmpp[0].addr: "x" from `,
		"xmpp: [{domain: A}]":                 `xmpp[0].domain: "A" from `,
		"xmpp: [{secret: 1}]":                 "xmpp[0].secret: a whole number in ",
		"xmpp: [{rosters: x}]":                "xmpp[0].rosters: a text in ",
		"xmpp: [{rosters: [1]}]":              "xmpp[0].rosters[0]: a whole number in ",
		"xmpp: [{rosters: [A]}]":              `xmpp[0].rosters[0]: "A" from `,
		"xmpp: [{port: x}]":                   `xmpp[0]: unknown key "port" in `,
		"a.b: 1":                              "a.b: unknown key",
		"7: x":                                "7: unknown key in ",
		"config: other.yaml":                  "names another file",
		"listen: 8080":                        "listen: a whole number in ",
		"listen: [a]":                         "listen: a list in ",
		"listen: {a: b}":                      "listen: a mapping in ",
		"listen: {}":                          "listen: a mapping in ",
		"listen:":                             "listen: nothing in ",
		"listen: yes":                         `listen: "yes" from `, // YAML 1.2 has no other word for true
		"data: 2024-01-01":                    "data: a date in ",
		"data: true":                          "data: true or false in ",
		"heartbeat: 15":                       "heartbeat: a whole number in ",
		`log-entries: "200"`:                  "log-entries: a text in ",
		"log-entries: 1.5":                    "log-entries: a fraction in ",
		"log-entries: 99":                     `log-entries: "99" from `,
		"log-entries: 99999999999999999999":   "log-entries: a fraction in ",
		"listen: a:1\nlisten: b:1":            "already defined",
		"- listen":                            "cannot unmarshal",
		"listen: [":                           "yaml: ",
		"max-streams: 1\n---\nmax-streams: 2": "more than one YAML document",
		"public: blog":                        "public: a text in ",
		"public: {match: blog, can: [read]}":  "public: a mapping in ",
		"public: [blog]":                      "public[0] in ",
		"public: [{1: 2}]":                    `a grant is an object`,
		"public: [{match: a, can: [read]}, {match: b, can: [reed]}]": `unknown verb "reed"`,
		"public: [{match: a, can: [read], until: noon}]":             `no field "until"`,
		"public: [{match: '', can: [read]}]":                         "is empty",

		"roles:":                          "roles: nothing in ",
		"roles: [reader]":                 "roles: a list in ",
		"roles: {7: []}":                  "roles: a mapping in ",
		"roles: {reader: blog}":           "roles.reader: a text in ",
		"roles: {reader: }":               "roles.reader: nothing in ",
		"roles: {reader: {match: a}}":     "roles.reader: a mapping in ",
		"roles: {reader: [5]}":            "roles.reader[0] in ",
		"roles: {'a b': []}":              `roles: "a b" in `,
		"roles: {'': []}":                 `roles: "" in `,
		"roles: {a: [{match: b, can: c}]": "yaml: ",
		`rate-limit: "5"`:                 "rate-limit: a text in ",
		"rate-limit: .inf":                `rate-limit: "+Inf" from `,
		"rate-limit: -1":                  `rate-limit: "-1" from `,
		"rate-limit: true":                "where a number belongs",
		"rate-burst: 1.5":                 "rate-burst: a fraction in ",
		"cors-origins: [https://a.test]":  "cors-origins: a list in ",
		"hub: 5":                          "hub: a whole number in ",
		"hub: {lease: 5}":                 "hub-lease: a whole number in ",
		"hub: {leese: 5s}":                "hub-leese: unknown key in ",
		"hub: {retries: [0s]}":            `has "0s", which is not a duration above 0`,
		"hub: {origins: [blog]}":          "has what is not the beginning of http or https URLs",
		"outbound-allow: [7]":             "where a list of texts belongs",
		"outbound-allow: {a: b}":          "outbound-allow: a mapping in ",
		"outbound-allow: [10.0.0.1]":      `has "10.0.0.1", which is not a block`,
		"tls-cert: c.pem":                 "and no tls-key",
		"tls-key: k.pem":                  "and no tls-cert",
	} {
		file := writeFile(t, content)
		_, err := load(t, nil, "--config", file)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q gave %v, want %q and the file", content, err, want)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q gave more than one line: %q", content, err)
		}
	}
}

func TestDocumentMarkers(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "\n", "# nothing", "---\nmax-streams: 2", "# first\n---\nmax-streams: 2\n", "%YAML 1.1\n---\n"} {
		if _, err := load(t, nil, "--config", writeFile(t, content)); err != nil {
			t.Errorf("%q gave %v", content, err)
		}
	}
}

func TestBadValues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ key, value, want string }{
		{"config", "/nowhere/at.yaml", "/nowhere/at.yaml"},
		{"listen", "", "is not HOST:PORT"},
		{"listen", "8080", "is not HOST:PORT"},
		{"listen", "localhost:http", "is not HOST:PORT"},
		{"listen", "localhost:70000", "is not HOST:PORT"},
		{"public-url", "feeds.example.org", "is not an http or https URL"},
		{"public-url", "ftp://feeds.example.org", "is not an http or https URL"},
		{"public-url", "https://u@feeds.example.org", "is not an http or https URL"},
		{"public-url", "https://feeds.example.org/?", "is not an http or https URL"},
		{"public-url", "https://feeds.example.org/#x", "is not an http or https URL"},
		{"public-url", "https:///x", "is not an http or https URL"},
		{"redis", "", `is not "embedded" or a redis://`},
		{"redis", "localhost:6379", `is not "embedded" or a redis://`},
		{"redis", "http://localhost", `is not "embedded" or a redis://`},
		{"auth-jwks", "id.test/keys", "is not an https URL"},
		{"auth-jwks", "http://id.test/keys", "is not an https URL"},
		{"auth-jwks", "http://127.0.0.1.id.test/keys", "is not an https URL"},
		{"auth-jwks", "http://localhost@id.test/keys", "is not an https URL"},
		{"auth-jwks", "https://u:p@id.test/keys", "is not an https URL"},
		{"auth-jwks", "https://id.test/keys#x", "is not an https URL"},
		{"auth-jwks", "https:///keys", "is not an https URL"},
		{"auth-jwks", "file:///keys", "is not an https URL"},
		{"outbound-allow", "10.0.0.0", "which is not a block of addresses"},
		{"outbound-allow", "10.1.2.3/8", "which is not a block of addresses"},
		{"outbound-allow", "10.0.0.0/8,,", "which is not a block of addresses"},
		{"outbound-allow", "::ffff:10.0.0.0/104", "which is not a block of addresses"},
		{"tls-cert", "x", "and no tls-key"},
		{"tls-key", "x", "and no tls-cert"},
		{"rate-limit", "x", "is not a decimal number from 0 to 100000"},
		{"rate-limit", "", "is not a decimal number"},
		{"rate-limit", "NaN", "is not a decimal number"},
		{"rate-limit", "-1", "is not a decimal number"},
		{"rate-limit", "1e3", "is not a decimal number"},
		{"rate-limit", "0x10", "is not a decimal number"},
		{"rate-limit", "1.2.3", "is not a decimal number"},
		{"rate-limit", "100000.1", "is not a decimal number"},
		{"rate-burst", "-1", "is not a whole number from 0 to 1000000"},
		{"rate-burst", "5", "and no rate-limit"},
		{"cors-origins", "app.example.org", `has "app.example.org", which is not an origin`},
		{"cors-origins", "null", "is not an origin"},
		{"cors-origins", "https://app.example.org/", "is not an origin"},
		{"cors-origins", "https://app.example.org:443", "is not an origin"},
		{"cors-origins", "http://app.example.org:80", "is not an origin"},
		{"cors-origins", "https://app.example.org:", "is not an origin"},
		{"cors-origins", "https://App.example.org", "is not an origin"},
		{"cors-origins", "https://*.example.org", "is not an origin"},
		{"cors-origins", "https://bücher.example", "is not an origin"},
		{"cors-origins", "https://u@app.example.org", "is not an origin"},
		{"cors-origins", "https://a.test,", `has ""`},
		{"cors-origins", "https://a.test b.test", "is not an origin"},
		{"cors-origins", "*,https://a.test", "has * and others"},
		{"log-level", "INFO", "is not debug, info, warn or error"},
		{"log-format", "xml", "is not text or json"},
		{"log-entries", "x", "is not a whole number from 100 to 10000000"},
		{"log-entries", "10000001", "is not a whole number from 100 to 10000000"},
		{"audit-interval", "999ms", "at least 1s"},
		{"dialect", "js", "use thoonkd over REST"},
		{"dialect", "python", "is not contract"},
		{"audit-interval", "30", "is not a duration"},
		{"shutdown-timeout", "-1s", "is not a duration"},
		{"heartbeat", "0s", "at least 100ms"},
		{"max-streams", "0", "is not a whole number from 1"},
	} {
		variable := "THOONKD_" + strings.ToUpper(strings.ReplaceAll(tc.key, "-", "_"))
		_, fromFlag := load(t, nil, "--"+tc.key, tc.value)
		_, fromEnv := load(t, []string{variable + "=" + tc.value})
		for origin, err := range map[string]error{"--" + tc.key: fromFlag, variable: fromEnv} {
			if err == nil || !strings.HasPrefix(err.Error(), tc.key+": ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s %q gave %v, want %q", origin, tc.value, err, tc.want)
			}
			if err != nil && tc.key != "config" && !strings.Contains(err.Error(), origin) {
				t.Errorf("%v does not name %s", err, origin)
			}
		}
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"http://u:hunter2@h", "redis://u:hunter2@h:port", "hunter2", "%zz:hunter2"} {
		for _, flag := range []string{"--redis", "--auth-jwks"} {
			if _, err := load(t, nil, flag, value); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s %q gave %v", flag, value, err)
			}
		}
	}
}

func TestUnknownEnvironmentVariables(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"THOONKD_LISEN=x", "THOONKD_PUBLIC=[]", "THOONKD_listen=x", "THOONKD_PORT=8080", "THOONKD_=", "THOONKD_SUBJECT=s"} {
		name, _, _ := strings.Cut(variable, "=")
		_, err := load(t, []string{variable})
		if err == nil || err.Error() != name+": unknown environment variable" {
			t.Errorf("%s gave %v", variable, err)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "lisen: x\nheartbeat: 5\npublic: [{match: a, can: [b]}]")
	_, err := load(t, []string{"THOONKD_X=1", "THOONKD_LOG_LEVEL=loud"}, "--config", file, "--heartbeat", "5s", "--listen", ":80")
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{"heartbeat: ", "lisen: ", "public[0]", "THOONKD_X", "log-level: ", "listen: "} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d of %q is not about %s", i, lines, want)
		}
	}
}
