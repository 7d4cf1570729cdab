package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/man"
)

// Each command has a page that a reader of manual pages understands: no text
// is taken for a macro.
func TestTheManualIsWhole(t *testing.T) {
	a, _, talk := fcctl(t)
	dir := t.TempDir()
	if code := Run(t.Context(), a, []string{"man", "--dir", dir}); code != fault.OK {
		t.Fatalf("exit %d: %s", code, talk)
	}
	for _, c := range root(a).Commands {
		if _, err := os.Stat(filepath.Join(dir, "fcctl-"+c.Name+".1")); err != nil {
			t.Error(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	macros := []string{".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi"}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			macro, _, _ := strings.Cut(line, " ")
			if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !slices.Contains(macros, macro) {
				t.Errorf("%s: %q is taken for a macro", filepath.Base(f), line)
			}
		}
		if !strings.Contains(string(b), ".SH \"EXAMPLES\"\n") && filepath.Base(f) != "fcctl.1" {
			t.Errorf("%s has no example", filepath.Base(f))
		}
	}
	if mandoc, err := exec.LookPath("mandoc"); err == nil {
		// A page has no date, so that the same fcctl has the same pages.
		out, _ := exec.Command(mandoc, append([]string{"-T", "lint", "-W", "warning"}, files...)...).CombinedOutput()
		for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
			if line != "" && !strings.Contains(line, "missing date") {
				t.Error(line)
			}
		}
	}
}

// The manual and the documentation know the same environment.
func TestTheEnvironmentIsDocumented(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/fcctl.md")
	if err != nil {
		t.Fatal(err)
	}
	var manual strings.Builder
	for _, v := range man.Environment {
		manual.WriteString(v.Name + "\n")
	}
	names := func(s string) []string {
		return slices.Compact(slices.Sorted(slices.Values(regexp.MustCompile(`FCCTL_[A-Z_]+[A-Z]`).FindAllString(s, -1))))
	}
	if docs, pages := names(string(b)), names(manual.String()); !slices.Equal(docs, pages) {
		t.Errorf("docs/fcctl.md has\n%v\nand the manual\n%v", docs, pages)
	}
}
