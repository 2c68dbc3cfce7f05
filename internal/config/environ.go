package config

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/spf13/pflag"
)

const envPrefix = "THOONKD_"

// clientOnly are read by the commands that talk to a server, and are no settings of one.
var clientOnly = []string{"THOONKD_SERVER", "THOONKD_TOKEN"}

// serviceLink matches what Kubernetes and Docker links put into the environment of every container beside a service
// that is named thoonkd or thoonkd-something; a mistyped setting of ours does not look like it.
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var serviceLink = regexp.MustCompile(
	`^THOONKD_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)=|PORT=(tcp|udp|sctp)://|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=)`)

func (l *loader) environ(environ []string) {
	keys := map[string]string{}
	for _, s := range settings {
		keys[envName(s.key)] = s.key
	}
	known := func(name, value string) (string, any) {
		key, ok := keys[name]
		if !ok && !slices.Contains(clientOnly, name) && !serviceLink.MatchString(name+"="+value) {
			l.problem("%s: unknown environment variable", name)
		}
		return key, value
	}
	l.add(env.Provider("", env.Opt{
		Prefix:        envPrefix,
		TransformFunc: known,
		EnvironFunc:   func() []string { return environ },
	}), envName)
}

func defaults(environ []string) map[string]any {
	values := map[string]any{}
	for _, s := range settings {
		values[s.key] = s.normal
	}
	values["data"] = dataDir(environ)
	return values
}

// dataDir follows the XDG base directory specification, which has relative paths ignored.
func dataDir(environ []string) string {
	if dir := getenv(environ, "XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "thoonkd")
	}
	if home := getenv(environ, "HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "thoonkd")
	}
	return ""
}

func configFile(flags *pflag.FlagSet, environ []string) string {
	if f := flags.Lookup("config"); f != nil && f.Changed {
		return f.Value.String()
	}
	return getenv(environ, envName("config"))
}

func getenv(environ []string, name string) string {
	value := ""
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v // the last one counts, as it does for the provider above
		}
	}
	return value
}
