package config

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"

	"github.com/thoonkd/thoonkd/auth"
)

func (l *loader) file(name string) {
	if name == "" {
		return
	}
	content, err := os.ReadFile(name)
	if err != nil {
		l.problem("config: %w", err)
		return
	}
	values, err := yaml.Parser().Unmarshal(content)
	if err != nil {
		l.problem("config: %s: %s", name, strings.Join(strings.Fields(err.Error()), " "))
		return
	}
	if severalDocuments(string(content)) {
		l.problem("config: %s: more than one YAML document", name)
	}
	texts := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch key {
		case "public":
			l.public = l.grants(key, values[key], name)
		case "jids":
			l.common = l.jids(key, values[key], name)
		case "xmpp":
			l.xmpp = l.links(values[key], name)
		case "roles":
			l.rolesOf(values[key], name)
		case "sources":
			l.sourcesOf(values[key], name)
		case "hub":
			l.hub(texts, values[key], name)
		case "config":
			l.problem("config: %s names another file: only --config and %s do", name, envName(key))
		default:
			l.value(texts, key, values[key], name)
		}
	}
	l.add(confmap.Provider(texts, ""), func(string) string { return name })
}

func (l *loader) value(texts map[string]any, key string, value any, file string) {
	s, known := find(key)
	if !known {
		l.problem("%s: unknown key in %s", key, file)
		return
	}
	text, ok := s.text(value)
	if !ok {
		l.problem("%s: %s in %s, where %s belongs", key, describe(value), file, s.form())
		return
	}
	texts[key] = text
}

// grants reads a list of grants: too much for an environment variable or a flag.
func (l *loader) grants(key string, value any, file string) []auth.Grant {
	list, ok := value.([]any)
	if !ok {
		l.problem("%s: %s in %s, where a list of grants belongs", key, describe(value), file)
		return nil
	}
	var grants []auth.Grant
	for i, v := range list {
		var g auth.Grant
		b, _ := json.Marshal(v) // what JSON cannot say, as a mapping with numbers for keys, is no grant either
		if err := g.UnmarshalJSON(b); err != nil {
			l.problem("%s[%d] in %s: %w", key, i, file, err)
			continue
		}
		grants = append(grants, g)
	}
	return grants
}

// rolesOf reads the grants of each role.
func (l *loader) rolesOf(value any, file string) {
	roles, ok := value.(map[string]any)
	if !ok {
		l.problem("roles: %s in %s, where names of roles with their grants belong", describe(value), file)
		return
	}
	l.roles = auth.Roles{}
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		if err := auth.CheckRoleName(name); err != nil {
			l.problem("roles: %q in %s: %w", name, file, err)
			continue
		}
		l.roles[name] = l.grants("roles."+name, roles[name], file)
	}
}

// severalDocuments reports whether a document marker follows content: the parser reads the first document only, and
// would drop the rest in silence.
func severalDocuments(yaml string) bool {
	content := false
	for line := range strings.Lines(yaml) {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case line == "---" || strings.HasPrefix(line, "--- "):
			if content {
				return true
			}
			content = line != "---"
		case line != "" && line[0] != '#' && line[0] != '%':
			content = true
		}
	}
	return false
}

// text returns a value as flags and the environment write it, or false if YAML gave it another type.
func (s setting) text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, s.kind == plain || s.kind == secret || s.kind == list
	case []any:
		return joined(v, s.kind == list)
	case int:
		return strconv.Itoa(v), s.kind == whole || s.kind == decimal
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), s.kind == decimal
	}
	return "", false
}

// joined returns a list of texts as one text.
func joined(values []any, wanted bool) (string, bool) {
	texts := make([]string, len(values))
	for i, v := range values {
		text, ok := v.(string)
		texts[i], wanted = text, wanted && ok
	}
	return strings.Join(texts, ","), wanted
}

func (s setting) form() string {
	switch s.kind {
	case list:
		return "a list of texts"
	case whole:
		return "a whole number"
	case decimal:
		return "a number"
	}
	return "a text"
}

func describe(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case int, int64, uint64:
		return "a whole number"
	case float64:
		return "a fraction"
	case time.Time:
		return "a date"
	case []any:
		return "a list"
	}
	return "a mapping"
}
