// Package golden compares what a test produced with a file under testdata.
//
// A golden file says in one readable place what a program says: a rendered
// diagnostic, a table, a plan. `go test ./your/pkg -update` rewrites the files
// of one package; the diff is then reviewed like code. One file per behaviour,
// named after it.
package golden

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files instead of comparing with them")

// Equal fails t if got is not what testdata/name holds. With -update it writes
// the file instead. The name may contain slashes.
func Equal(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := write(path, got); err != nil {
			t.Fatalf("update golden file: %v", err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no golden file %s; got:\n%s\nTry: go test -run '^%s$' -update", path, got, t.Name())
	}
	if err != nil {
		t.Fatalf("read golden file: %v", err)
	}
	if d := diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (- want, + got):\n%s\nTry, if the change is meant: go test -run '^%s$' -update", path, d, t.Name())
	}
}

// String is Equal for a string.
func String(t testing.TB, name, got string) {
	t.Helper()
	Equal(t, name, []byte(got))
}

func write(path string, got []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, got) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, got, 0o644)
}

// diff shows what differs between the common first and last lines of want and
// got, with two lines around it; equal texts give "". Golden files are short:
// one hunk that may be too long is easier to trust than a clever one.
func diff(want, got string) string {
	if want == got {
		return ""
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	head := 0
	for head < len(w) && head < len(g) && w[head] == g[head] {
		head++
	}
	tail := 0
	for tail < len(w)-head && tail < len(g)-head && w[len(w)-1-tail] == g[len(g)-1-tail] {
		tail++
	}
	const around = 2
	var b strings.Builder
	from := max(0, head-around)
	fmt.Fprintf(&b, "@@ line %d @@\n", from+1)
	for _, line := range w[from:head] {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	for _, line := range w[head : len(w)-tail] {
		fmt.Fprintf(&b, "- %s\n", visible(line))
	}
	for _, line := range g[head : len(g)-tail] {
		fmt.Fprintf(&b, "+ %s\n", visible(line))
	}
	for _, line := range w[len(w)-tail : min(len(w), len(w)-tail+around)] {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	return b.String()
}

// visible marks white space at the end of a line, and control characters,
// which would otherwise make two different lines look alike.
func visible(line string) string {
	trimmed := strings.TrimRight(line, " \t\r")
	rest := line[len(trimmed):]
	rest = strings.NewReplacer(" ", "·", "\t", "→", "\r", "␍").Replace(rest)
	return strings.ReplaceAll(trimmed, "\x1b", "␛") + rest
}
