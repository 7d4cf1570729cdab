package golden

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// recorder is a testing.TB that remembers failures instead of failing.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Name() string              { return "TestSomething" }
func (r *recorder) Errorf(f string, _ ...any) { r.failed = f }
func (r *recorder) Fatalf(f string, _ ...any) { r.failed = f; runtime.Goexit() }

// run compares in a goroutine of its own, which Fatalf may end.
func (r *recorder) run(name, got string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		String(r, name, got)
	}()
	<-done
}

func TestEqual(t *testing.T) {
	t.Chdir(t.TempDir())

	r := &recorder{TB: t}
	r.run("case/one.txt", "hello\n")
	if !strings.Contains(r.failed, "no golden file") {
		t.Errorf("a missing file must fail, got %q", r.failed)
	}

	*update = true
	String(t, "case/one.txt", "hello\n")
	*update = false
	if b, err := os.ReadFile("testdata/case/one.txt"); err != nil || string(b) != "hello\n" {
		t.Fatalf("-update wrote %q, %v", b, err)
	}

	r = &recorder{TB: t}
	r.run("case/one.txt", "hello\n")
	if r.failed != "" {
		t.Errorf("an equal text failed: %q", r.failed)
	}
	r.run("case/one.txt", "hallo\n")
	if !strings.Contains(r.failed, "differs") {
		t.Errorf("a changed text must fail, got %q", r.failed)
	}
}

func TestDiff(t *testing.T) {
	for name, c := range map[string]struct{ want, got, diff string }{
		"equal texts have none":    {"a\nb\n", "a\nb\n", ""},
		"one changed line":         {"a\nb\nc\nd\ne\n", "a\nb\nX\nd\ne\n", "@@ line 1 @@\n  a\n  b\n- c\n+ X\n  d\n  e\n"},
		"an added line":            {"a\nb", "a\nx\nb", "@@ line 1 @@\n  a\n+ x\n  b\n"},
		"repeated lines":           {"a\na", "a\na\na", "@@ line 1 @@\n  a\n  a\n+ a\n"},
		"trailing space is shown":  {"a", "a ", "@@ line 1 @@\n- a\n+ a·\n"},
		"a missing final newline":  {"a\n", "a", "@@ line 1 @@\n  a\n- \n"},
		"everything differs":       {"a", "b", "@@ line 1 @@\n- a\n+ b\n"},
		"context starts near it":   {"1\n2\n3\n4\n5", "1\n2\n3\n4\nX", "@@ line 3 @@\n  3\n  4\n- 5\n+ X\n"},
		"escape codes are visible": {"a", "\x1b[1ma", "@@ line 1 @@\n- a\n+ ␛[1ma\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := diff(c.want, c.got); got != c.diff {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.diff)
			}
		})
	}
}
