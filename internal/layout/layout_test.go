package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/flowcatalyst/fc"

// TestHouse holds the repository against the plan.
func TestHouse(t *testing.T) {
	pkgs := list(t)
	if len(pkgs) < 3 {
		t.Fatalf("go list found %d packages: the check would be hollow", len(pkgs))
	}
	for _, sentence := range check(module, house, pkgs) {
		t.Error(sentence)
	}
}

// TestPlan holds the plan against itself: a place that may import a name that
// does not exist, or two places that may import each other, is a slip.
func TestPlan(t *testing.T) {
	byName := map[string]place{}
	for _, p := range house {
		if _, twice := byName[p.name]; twice {
			t.Errorf("two places are called %q", p.name)
		}
		byName[p.name] = p
	}
	var walk func(name string, trail []string)
	walk = func(name string, trail []string) {
		for _, up := range trail {
			if up == name {
				t.Fatalf("the directions go in a circle: %s", strings.Join(append(trail, name), " → "))
			}
		}
		p, ok := byName[name]
		if !ok {
			t.Fatalf("%s: no place is called %q", strings.Join(trail, " → "), name)
		}
		for _, next := range p.may {
			walk(next, append(trail[:len(trail):len(trail)], name))
		}
	}
	for name := range byName {
		walk(name, nil)
	}
}

// TestCheck breaks each rule once on a made-up module.
func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		file string // of the importing package
		imp  string
		says string // part of the sentence; empty: allowed
	}{
		"client on a library":              {"client/events.go", "golang.org/x/time/rate", "may not use this library"},
		"client on the standard library":   {"client/events.go", "net/http", ""},
		"client on resource":               {"client/events.go", module + "/client/resource", ""},
		"webhook on client":                {"client/webhook/verify.go", module + "/client", ""},
		"resource on client":               {"client/resource/pool.go", module + "/client", "resource may not import client"},
		"resource on hcl":                  {"client/resource/pool.go", "github.com/hashicorp/hcl/v2", "may not use this library"},
		"config over the network":          {"config/load.go", "net/http", "does not touch the world"},
		"flow on the network":              {"daemon/internal/flow/job.go", "net/http", "does not touch the world"},
		"flow on files":                    {"daemon/internal/flow/job.go", "os", "does not touch the world"},
		"flow on a part of os":             {"daemon/internal/flow/job.go", "os/signal", "does not touch the world"},
		"flow on a database":               {"daemon/internal/flow/job.go", "database/sql", "does not touch the world"},
		"flow on a URL":                    {"daemon/internal/flow/job.go", "net/url", ""},
		"flow on a driver":                 {"daemon/internal/flow/job.go", "zombiezen.com/go/sqlite", "may not use this library"},
		"match on CEL":                     {"internal/match/filter.go", "cel.dev/cel-go/cel", ""},
		"match on another library":         {"internal/match/filter.go", "example.com/jsonpath", "may not use this library"},
		"match on flow":                    {"internal/match/set.go", module + "/daemon/internal/flow", "match may not import flow"},
		"store on a backend":               {"daemon/internal/store/store.go", module + "/daemon/internal/store/sqlite", "store may not import store backend"},
		"store on queue":                   {"daemon/internal/store/store.go", module + "/daemon/internal/queue", "store may not import queue"},
		"backend on its contract":          {"daemon/internal/store/sqlite/open.go", module + "/daemon/internal/store", ""},
		"backend on a sibling":             {"daemon/internal/store/sqlite/open.go", module + "/daemon/internal/store/mongo", "do not import each other"},
		"backend on its own inner package": {"daemon/internal/store/sqlite/open.go", module + "/daemon/internal/store/sqlite/migrations", ""},
		"backend on the other kind":        {"daemon/internal/queue/sqlite/open.go", module + "/daemon/internal/store/sqlite", "queue backend may not import store backend"},
		"backend on config":                {"daemon/internal/queue/nats/open.go", module + "/config", "queue backend may not import config"},
		"backend on its suite":             {"daemon/internal/store/sqlite/open.go", module + "/daemon/internal/store/storetest", "serves tests only"},
		"suite on a backend":               {"daemon/internal/store/storetest/suite.go", module + "/daemon/internal/store/sqlite", "storetest may not import store backend"},
		"service on a service":             {"daemon/internal/router/pool.go", module + "/daemon/internal/scheduler", "router may not import scheduler"},
		"service on a backend":             {"daemon/internal/stream/fanout.go", module + "/daemon/internal/store/sqlite", "stream may not import store backend"},
		"service on api":                   {"daemon/internal/platform/events.go", module + "/daemon/internal/api", "platform may not import api"},
		"api on platform":                  {"daemon/internal/api/events.go", module + "/daemon/internal/platform", ""},
		"api on a backend":                 {"daemon/internal/api/events.go", module + "/daemon/internal/store/sqlite", "api may not import store backend"},
		"build.go on a backend":            {"daemon/build.go", module + "/daemon/internal/store/sqlite", ""},
		"daemon.go on a backend":           {"daemon/daemon.go", module + "/daemon/internal/store/sqlite", "only daemon/build.go knows every store backend"},
		"daemon on fcd":                    {"daemon/daemon.go", module + "/fcd", "daemon may not import fcd"},
		"fcctl on daemon":                  {"fcctl/internal/cmd/get.go", module + "/daemon", "fcctl may not import daemon"},
		"fcctl on daemontest":              {"fcctl/internal/cmd/get.go", module + "/daemon/daemontest", "serves tests only"},
		"fcctl within itself":              {"fcctl/main.go", module + "/fcctl/internal/cmd", ""},
		"cgo":                              {"daemon/internal/store/sqlite/open.go", "C", "no cgo"},
		"golden outside of tests":          {"fcctl/internal/view/table.go", module + "/internal/golden", "serves tests only"},
		"golden in a suite":                {"daemon/internal/store/storetest/suite.go", module + "/internal/golden", ""},
		"a package without a place":        {"daemon/internal/util/strings.go", "strings", "has no place in the house"},
		"example on daemon":                {"examples/quickstart/main.go", module + "/daemon", "examples may not import daemon"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := filepath.ToSlash(filepath.Dir(c.file)), filepath.Base(c.file)
			got := check(module, house, []pkg{{dir: dir, files: map[string][]string{file: {c.imp}}}})
			switch {
			case c.says == "" && len(got) > 0:
				t.Errorf("refused: %q", got)
			case c.says != "" && (len(got) != 1 || !strings.Contains(got[0], c.says)):
				t.Errorf("got %q, want one sentence with %q", got, c.says)
			}
		})
	}
}

// list reads the imports of every file that ships, whatever system it is built
// for: build constraints are not a way around the plan.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Dir string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		dir := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		pkgs = append(pkgs, pkg{dir: dir, files: imports(t, p.Dir)})
	}
}

func imports(t *testing.T, dir string) map[string][]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ignored(src) {
			continue
		}
		paths := []string{}
		for _, s := range f.Imports {
			path, err := strconv.Unquote(s.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
		files[filepath.Base(name)] = paths
	}
	return files
}

// ignored says that a file is a generator, kept out of every build.
func ignored(src []byte) bool {
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(line)
		if constraint.IsGoBuild(line) {
			return line == "//go:build ignore"
		}
		if strings.HasPrefix(line, "package ") {
			return false
		}
	}
	return false
}
