package config_test

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/config"
)

func load(t testing.TB, env []string, args ...string) (config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.String("subject", "", "a flag of the command's own")
	config.Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return config.Load(flags, append([]string{"HOME=/home/u", "PATH=/bin"}, env...))
}

func writeFile(t testing.TB, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "thoonkd.yaml")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t, nil)
	want := config.Config{
		Listen:          "127.0.0.1:8080",
		PublicURL:       "http://127.0.0.1:8080",
		Redis:           "embedded",
		Data:            "/home/u/.local/share/thoonkd",
		LogFormat:       "text",
		LogEntries:      20000,
		AuditInterval:   30 * time.Second,
		ShutdownTimeout: 10 * time.Second,
		Heartbeat:       15 * time.Second,
		MaxStreams:      10000,
		Hub: config.Hub{
			Lease: 240 * time.Hour, LeaseMax: 720 * time.Hour, Breaker: 10 * time.Minute, Timeout: 10 * time.Second, Workers: 256, PerHost: 64,
			Retries: []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour},
		},
		XMPPBounceGrace: 168 * time.Hour,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEveryKeyInTheFile(t *testing.T) {
	t.Parallel()
	file := writeFile(t, `
# all of it
listen: "[::]:80"
public-url: https://feeds.example.org/base/
tls-cert: /etc/tls/cert.pem
tls-key: /etc/tls/key.pem
redis: rediss://:pw@redis.example.org:6379/1
data: /srv/thoonkd
auth-key: /etc/thoonkd.key
auth-jwks: https://id.example.org/keys?policy=1
auth-issuer: https://id.example.org
auth-audience: feeds
rate-limit: 2.5
rate-burst: 9
cors-origins: https://app.example.org, http://localhost:3000
log-level: debug
log-format: json
log-entries: 100
audit-interval: 1s
shutdown-timeout: 1m
heartbeat: 500ms
max-streams: 7
xmpp-bounce-grace: 1h
outbound-allow: [10.1.0.0/16, "fd00::/8"]
hub:
  lease: 1h
  lease-max: 2h
  retries: [1s, 2m]
  breaker: 3s
  timeout: 4s
  workers: 5
  per-host: 6
  origins: [https://blog.example.org/, "http://127.0.0.1:81/feeds/"]
public:
  - {match: blog, can: [read]}
  - match: "news:*"
    can: [read, publish]
roles:
  reader: [{match: "*", can: [read]}]
  https://x.test/writer:
    - {match: "team:*", can: [publish]}
    - {match: "{sub}", can: [admin]}
  nothing: []
`)
	got, err := load(t, nil, "--config", file)
	want := config.Config{
		File: file, Listen: "[::]:80", PublicURL: "https://feeds.example.org/base",
		TLSCert: "/etc/tls/cert.pem", TLSKey: "/etc/tls/key.pem",
		Redis: "rediss://:pw@redis.example.org:6379/1", Data: "/srv/thoonkd", AuthKey: "/etc/thoonkd.key",
		AuthJWKS: "https://id.example.org/keys?policy=1", AuthIssuer: "https://id.example.org", AuthAudience: "feeds",
		RateLimit: 2.5, RateBurst: 9, CORSOrigins: []string{"https://app.example.org", "http://localhost:3000"},
		LogLevel: slog.LevelDebug, LogFormat: "json", LogEntries: 100, AuditInterval: time.Second,
		ShutdownTimeout: time.Minute, Heartbeat: 500 * time.Millisecond, MaxStreams: 7, XMPPBounceGrace: time.Hour,
		OutboundAllow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")},
		Hub: config.Hub{
			Lease: time.Hour, LeaseMax: 2 * time.Hour, Retries: []time.Duration{time.Second, 2 * time.Minute}, Breaker: 3 * time.Second,
			Timeout: 4 * time.Second, Workers: 5, PerHost: 6, Origins: []string{"https://blog.example.org/", "http://127.0.0.1:81/feeds/"},
		},
		Public: []auth.Grant{
			{Match: "blog", Can: []auth.Verb{auth.Read}},
			{Match: "news:*", Can: []auth.Verb{auth.Read, auth.Publish}},
		},
		Roles: auth.Roles{
			"reader": {{Match: "*", Can: []auth.Verb{auth.Read}}},
			"https://x.test/writer": {
				{Match: "team:*", Can: []auth.Verb{auth.Publish}},
				{Match: "{sub}", Can: []auth.Verb{auth.Admin}},
			},
			"nothing": nil,
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "log-entries: 201\nmax-streams: 202\nheartbeat: 203s\n")
	got, err := load(t, []string{"THOONKD_MAX_STREAMS=302", "THOONKD_HEARTBEAT=303s"},
		"--config", file, "--heartbeat", "403s")
	if err != nil {
		t.Fatal(err)
	}
	if got.LogEntries != 201 || got.MaxStreams != 302 || got.Heartbeat != 403*time.Second {
		t.Errorf("got %+v", got)
	}
	// A flag that repeats the default is set all the same.
	if got, err = load(t, []string{"THOONKD_MAX_STREAMS=302"}, "--max-streams", "10000"); err != nil || got.MaxStreams != 10000 {
		t.Errorf("got %d, %v", got.MaxStreams, err)
	}
}

// A list is the same whichever way it is given.
func TestLists(t *testing.T) {
	t.Parallel()
	want := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for name, tc := range map[string]struct{ env, args []string }{
		"flag, repeated": {nil, []string{"--outbound-allow", "127.0.0.0/8", "--outbound-allow=::1/128"}},
		"flag, commas":   {[]string{"THOONKD_OUTBOUND_ALLOW=10.0.0.0/8"}, []string{"--outbound-allow", "127.0.0.0/8,::1/128"}},
		"environment":    {[]string{"THOONKD_OUTBOUND_ALLOW=127.0.0.0/8, ::1/128"}, nil},
		"file, text":     {nil, []string{"--config", writeFile(t, "outbound-allow: 127.0.0.0/8,::1/128")}},
		"file, list":     {nil, []string{"--config", writeFile(t, "outbound-allow:\n  - 127.0.0.0/8\n  - ::1/128\n")}},
	} {
		c, err := load(t, tc.env, tc.args...)
		if err != nil || !reflect.DeepEqual(c.OutboundAllow, want) {
			t.Errorf("%s: %v, %v", name, c.OutboundAllow, err)
		}
	}
}

func TestConfigFileFromTheEnvironment(t *testing.T) {
	t.Parallel()
	one, two := writeFile(t, "max-streams: 1"), writeFile(t, "max-streams: 2")
	got, err := load(t, []string{"THOONKD_CONFIG=" + one})
	if err != nil || got.MaxStreams != 1 || got.File != one {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = load(t, []string{"THOONKD_CONFIG=" + one}, "--config", two)
	if err != nil || got.MaxStreams != 2 || got.File != two {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDataDir(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		env  []string
		want string
	}{
		"home":                 {nil, "/home/u/.local/share/thoonkd"},
		"XDG":                  {[]string{"XDG_DATA_HOME=/x"}, "/x/thoonkd"},
		"relative XDG ignored": {[]string{"XDG_DATA_HOME=x"}, "/home/u/.local/share/thoonkd"},
		"given":                {[]string{"XDG_DATA_HOME=/x", "THOONKD_DATA=/d"}, "/d"},
	} {
		c, err := load(t, tc.env)
		if err != nil || c.Data != tc.want || c.KeyFile() != filepath.Join(tc.want, "auth.key") {
			t.Errorf("%s: %q, %q, %v", name, c.Data, c.KeyFile(), err)
		}
	}
}

// A service manager may start us without a home; then --data is asked for only if something needs it.
func TestNoHome(t *testing.T) {
	t.Parallel()
	if _, err := load(t, []string{"HOME="}); err == nil || !strings.Contains(err.Error(), "give --data") {
		t.Errorf("got %v", err)
	}
	for _, flag := range []string{"--auth-key=f", "--auth-jwks=https://id.test/"} {
		if _, err := load(t, []string{"HOME="}, flag, "--redis", "redis://h"); err != nil {
			t.Errorf("%s gave %v", flag, err)
		}
	}
}

// Kubernetes gives every container the addresses of the services beside it, under their names.
func TestServiceLinksAreNotOurs(t *testing.T) {
	t.Parallel()
	_, err := load(t, []string{
		"THOONKD_SERVICE_HOST=10.0.0.1", "THOONKD_SERVICE_PORT=80", "THOONKD_SERVICE_PORT_HTTP=80",
		"THOONKD_PORT=tcp://10.0.0.1:80", "THOONKD_PORT_80_TCP=tcp://10.0.0.1:80", "THOONKD_PORT_80_TCP_ADDR=10.0.0.1",
		"THOONKD_PORT_80_TCP_PORT=80", "THOONKD_PORT_80_TCP_PROTO=tcp", "THOONKD_REDIS_SERVICE_HOST=10.0.0.2",
		"THOONKD_REDIS_PORT=tcp://10.0.0.2:6379", "THOONKD_REDIS_PORT_6379_TCP_ADDR=10.0.0.2",
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFlagsOfSomeKeys(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Flags(flags, "data", "config")
	if flags.Lookup("data") == nil || flags.Lookup("config") == nil || flags.Lookup("listen") != nil {
		t.Error("other flags than those asked for")
	}
	if _, err := config.Load(flags, []string{"HOME=/h", "THOONKD_LISTEN=127.0.0.1:1"}); err != nil {
		t.Error(err)
	}
}
