// Package docs_test holds the code to what the documents say.
package docs_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/thoonkd/thoonkd/"

// rules say in what direction imports go. A name stands for the packages below it too.
type rules struct {
	onlyIn       map[string][]string // the packages that may import this one; it may always import itself
	neverReach   map[string][]string // what a package does not import, not even by way of others of ours
	standardOnly []string            // packages that import nothing but the standard library
}

var direction = rules{
	onlyIn: map[string][]string{
		"github.com/redis/go-redis":      {"internal/store", "internal/embedded", "internal/thoonktest"},
		"github.com/alicebob/miniredis":  {"internal/embedded", "internal/thoonktest"},
		"github.com/labstack/echo":       {"api"},
		"mellium.im/xmpp":                {"xmpp"},
		"api":                            {"cmd"},
		"xmpp":                           {"cmd"},
		"hub":                            {"cmd"},
		"github.com/prometheus":          {"internal/telemetry"},
		"code.dny.dev/ssrf":              {"internal/outbound"},
		"github.com/netresearch/go-cron": {"internal/calendar"},
		"github.com/mmcdole/gofeed":      {"internal/syndication"},
		"github.com/microcosm-cc":        {"internal/syndication"},

		"github.com/santhosh-tekuri/jsonschema": {"internal/schema"},
		"internal/client":                       {"cmd"},
		"internal/thoonktest":                   {}, // tests are not looked at
	},
	neverReach: map[string][]string{
		"api":             {"internal/store"},
		"xmpp":            {"internal/store"},
		"hub":             {"internal/store"},
		"auth":            {"internal/store"},
		"internal/stream": {"internal/store"},

		"internal/syndication": {"internal/store", "internal/stream", "internal/outbound", "auth"},

		"internal/push":     {"internal/store", "api", "hub", "xmpp", "auth"},
		"internal/outbound": {"internal/store", "internal/stream", "auth", "api"},
	},
	standardOnly: []string{"internal/thoonk"},
}

// graph maps the packages of the module, named without the module's path, to what they import outside of tests.
type graph map[string][]string

// violations returns every breach of the rules, sorted.
func (r rules) violations(g graph) []string {
	var found []string
	for pkg, imported := range g {
		for _, i := range imported {
			for target, users := range r.onlyIn {
				if within(i, target) && !slices.ContainsFunc(append(users, target), func(u string) bool { return within(pkg, u) }) {
					found = append(found, fmt.Sprintf("%s imports %s", pkg, i))
				}
			}
			if slices.ContainsFunc(r.standardOnly, func(s string) bool { return within(pkg, s) }) && !g.standard(i) {
				found = append(found, fmt.Sprintf("%s imports %s", pkg, i))
			}
		}
		for from, targets := range r.neverReach {
			if !within(pkg, from) {
				continue
			}
			for _, target := range targets {
				if way := g.way(pkg, target); way != nil {
					found = append(found, strings.Join(way, " imports "))
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// within reports whether a package is root or lies below it, or is a major version of it.
func within(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }

// standard reports whether a package is of the standard library: the first part of its path has no dot.
func (g graph) standard(pkg string) bool {
	_, ours := g[pkg]
	first, _, _ := strings.Cut(pkg, "/")
	return !ours && !strings.Contains(first, ".")
}

// way returns the shortest chain of imports from a package to target, or nil if there is none.
func (g graph) way(pkg, target string) []string {
	seen, queue := map[string]bool{pkg: true}, [][]string{{pkg}}
	for len(queue) > 0 {
		way := queue[0]
		queue = queue[1:]
		for _, next := range g[way[len(way)-1]] {
			longer := append(slices.Clone(way), next)
			if within(next, target) {
				return longer
			}
			if !seen[next] {
				seen[next] = true
				queue = append(queue, longer)
			}
		}
	}
	return nil
}

// readGraph parses the module below root. It reads the files itself, and not through "go list", so that go test sees
// what the result depends on and never serves an old one from its cache.
func readGraph(root string) (graph, error) {
	g := make(graph)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(root, file, d.Name())
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		g[pkg] = slices.Grow(g[pkg], len(parsed.Imports)) // a package without imports is one too
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			g[pkg] = append(g[pkg], strings.TrimPrefix(name, module))
		}
		return nil
	})
	return g, err
}

// skip leaves out what the go command leaves out of "./...".
func skip(root, dir, name string) error {
	if dir == root {
		return nil
	}
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil { // a module of its own
		return fs.SkipDir
	}
	return nil
}

func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()
	g, err := readGraph("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"cmd/thoonkd", "api", "internal/store", "internal/thoonk"} {
		if _, ok := g[pkg]; !ok {
			t.Errorf("%s was not found among %v", pkg, slices.Sorted(maps.Keys(g)))
		}
	}
	for _, v := range direction.violations(g) {
		t.Error(v)
	}
}

// The rules must be able to fail, each of them.
func TestImportRules(t *testing.T) {
	t.Parallel()
	const redis, echo, xmpp = "github.com/redis/go-redis/v9", "github.com/labstack/echo/v4", "mellium.im/xmpp"
	for _, test := range []struct {
		name string
		g    graph
		want []string
	}{
		{"what is meant", graph{
			"cmd/thoonkd":         {"api", "xmpp", "hub", "internal/store", "internal/embedded"},
			"api":                 {echo, "api/wire", "auth", "internal/stream", "internal/thoonk"},
			"xmpp":                {xmpp, xmpp + "/jid", "auth", "internal/stream"},
			"internal/stream":     {"internal/thoonk"},
			"internal/store":      {redis, redis + "/maintnotifications", "internal/thoonk"},
			"internal/embedded":   {"github.com/alicebob/miniredis/v2"},
			"internal/thoonktest": {redis, "github.com/alicebob/miniredis/v2", "testing"},
			"internal/thoonk":     {"encoding/json"},
		}, nil},
		{"the domain", graph{"internal/thoonk": {"github.com/google/uuid"}}, []string{"internal/thoonk imports github.com/google/uuid"}},
		{"the domain, ours", graph{"internal/thoonk": {"auth"}, "auth": nil}, []string{"internal/thoonk imports auth"}},
		{"go-redis", graph{"internal/stream": {redis}}, []string{"internal/stream imports " + redis}},
		{"miniredis", graph{"internal/store": {"github.com/alicebob/miniredis/v2/server"}}, []string{"internal/store imports github.com/alicebob/miniredis/v2/server"}},
		{"echo", graph{"auth": {echo + "/middleware"}}, []string{"auth imports " + echo + "/middleware"}},
		{"the guard", graph{"hub": {"code.dny.dev/ssrf"}}, []string{"hub imports code.dny.dev/ssrf"}},
		{"mellium", graph{"auth": {xmpp + "/jid"}}, []string{"auth imports " + xmpp + "/jid"}},
		{"edges", graph{"api": {"hub"}, "hub": {"xmpp"}, "xmpp": {"api"}}, []string{"api imports hub", "hub imports xmpp", "xmpp imports api"}},
		{"edge from below", graph{"internal/syndication": {"api"}}, []string{"internal/syndication imports api"}},
		{"test helpers", graph{"cmd/thoonkd": {"internal/thoonktest"}}, []string{"cmd/thoonkd imports internal/thoonktest"}},
		{"the store", graph{"api": {"internal/store"}, "internal/stream": {"internal/store/lua"}}, []string{
			"api imports internal/store", "internal/stream imports internal/store/lua",
		}},
		{"the store, by way of others", graph{"hub/deliver": {"fmt", "auth"}, "auth": {"internal/x"}, "internal/x": {"auth", "internal/store"}}, []string{
			"auth imports internal/x imports internal/store", "hub/deliver imports auth imports internal/x imports internal/store",
		}},
		{"names that only begin alike", graph{"apiary": {"hubble", "fmt"}, "api": {"internal/storefront"}}, nil},
	} {
		if got := direction.violations(test.g); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n\tgot  %q\n\twant %q", test.name, got, test.want)
		}
	}
}

func TestReadGraph(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for file, text := range map[string]string{
		"api/a.go":             "package api\nimport (\n\t\"fmt\"\n\tx \"" + module + "internal/x\"\n)\n",
		"api/b_windows.go":     "package api\nimport _ \"os\"\n",
		"api/a_test.go":        "package api\nimport \"testing\"\n",
		"api/testdata/t.go":    "package t\nimport \"fmt\"\n",
		"none/n.go":            "package none\n",
		"other/go.mod":         "module other\n",
		"other/o.go":           "package other\nimport \"fmt\"\n",
		".hidden/h.go":         "package h\nimport \"fmt\"\n",
		"api/documentation.md": "import \"fmt\"\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g, err := readGraph(root)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(g); got != "map[api:[fmt internal/x os] none:[]]" {
		t.Errorf("the graph is %s", got)
	}
}
