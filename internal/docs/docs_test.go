// Package docs_test holds the documentation against the program: every
// configuration in it parses, every command and flag exists, every metric and
// attribute is named, every link leads somewhere.
package docs_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
)

const root = "../.."

// pages are the documents that users read, by their path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			found[filepath.ToSlash(name)] = read(t, path)
		}
	}
	if len(found) < 5 {
		t.Fatalf("only %d pages were found: the check would be hollow", len(found))
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var fence = regexp.MustCompile("(?ms)^ *```([^\n`]*)\n(.*?)^ *```$")

// blocks are the fenced blocks of a page whose info string is one of kinds.
func blocks(page string, kinds ...string) (kind, text []string) {
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		if slices.Contains(kinds, m[1]) {
			kind, text = append(kind, m[1]), append(text, m[2])
		}
	}
	return kind, text
}

// TestConfigurationsParse reads every block of HCL. The second word of the info
// string says what it is: a manifest, or a daemon's with blocks for later.
func TestConfigurationsParse(t *testing.T) {
	n := 0
	for name, page := range pages(t) {
		kinds, texts := blocks(page, "hcl", "hcl manifest", "hcl later")
		for i, text := range texts {
			n++
			diags := parse(kinds[i], text)
			if len(diags) > 0 {
				var b strings.Builder
				if err := diags.Render(&b, false); err != nil {
					t.Fatal(err)
				}
				t.Errorf("%s: block %d of HCL:\n%s", name, i+1, b.String())
			}
		}
		if _, plain := blocks(page, "HCL", "terraform"); len(plain) > 0 {
			t.Errorf("%s: HCL is fenced as hcl, so that it is checked", name)
		}
	}
	if n < 5 {
		t.Errorf("only %d blocks of HCL were found: the check would be hollow", n)
	}
}

func parse(kind, text string) config.Diagnostics {
	if kind == "hcl manifest" {
		env := func(name string) (string, bool) {
			return "value-of-" + name, !strings.HasPrefix(name, config.EnvVariable)
		}
		_, diags := config.LoadManifest("-", config.ManifestOptions{Env: env, Stdin: strings.NewReader(text)})
		return diags
	}
	d, diags := config.ParseDaemon(map[string][]byte{"fcd.hcl": []byte(text)}, func(string) (string, bool) { return "", false })
	// A block may show a part of a configuration: that alone is no mistake.
	diags = slices.DeleteFunc(diags, func(d config.Diagnostic) bool { return d.Severity == config.SeverityWarning })
	if d == nil || kind == "hcl later" {
		return diags
	}
	return append(diags, d.Unavailable()...)
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere follows the links that stay in the repository.
func TestLinksLeadSomewhere(t *testing.T) {
	for name, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), target)); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

// TestAttributesAreDocumented asks the grammar what there is: the daemon's by
// its settings, a manifest's by what it offers in place of an unknown name.
func TestAttributesAreDocumented(t *testing.T) {
	page := read(t, filepath.Join(root, "docs", "configuration.md"))
	src := `service "platform" {}` + "\n" + `service "stream" {}` + "\n" + `service "scheduler" {}` + "\n" + `service "router" {}`
	d, diags := config.ParseDaemon(map[string][]byte{"fcd.hcl": []byte(src)}, func(string) (string, bool) { return "", false })
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, s := range d.Settings {
		if !strings.Contains(page, "| `"+s.Name+"` |") {
			t.Errorf("configuration.md does not know %s of %v", s.Name, s.Block)
		}
	}

	page = read(t, filepath.Join(root, "docs", "manifests.md"))
	const odd = "zzzzqqqqzzzz"
	m := "manifest {\n  name = \"m\"\n}\n"
	for _, info := range resource.Declared() {
		code := "it"
		if info.Kind == resource.KindEventType {
			code = "a:b:c:d"
		}
		m += string(info.Kind) + " \"" + code + "\" {\n  " + odd + " = 1\n"
		for _, b := range map[resource.Kind][]string{
			resource.KindEventType: {`schema "1"`}, resource.KindConnection: {"signing"}, resource.KindSubscription: {"retry"},
		}[info.Kind] {
			m += "  " + b + " {\n    " + odd + " = 1\n  }\n"
		}
		m += "}\n"
	}
	_, diags = config.LoadManifest("-", config.ManifestOptions{Stdin: strings.NewReader(m)})
	n := 0
	for _, d := range diags {
		names, ok := strings.CutPrefix(d.Try, "one of ")
		if !ok || !strings.Contains(d.Summary, odd) {
			continue
		}
		for name := range strings.SplitSeq(names, ", ") {
			n++
			if !regexp.MustCompile("(?m)^\\| (`[a-z_]+`, )*`" + name + "`(, `[a-z_]+`)* \\|").MatchString(page) {
				t.Errorf("manifests.md does not know %s (%s)", name, d.Detail)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d attributes were found: the check would be hollow", n)
	}
}

var metric = regexp.MustCompile(`fc_(?:build|leader|platform|event|stream|bulk|scheduler|router|queue|store|outbox)_[a-z_]+`)

// TestMetricsAreDocumented compares the page with the metrics that the source
// makes.
func TestMetricsAreDocumented(t *testing.T) {
	made := map[string]bool{}
	quoted := regexp.MustCompile(`"(` + metric.String() + `)"`)
	err := filepath.WalkDir(filepath.Join(root, "daemon"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, m := range quoted.FindAllStringSubmatch(read(t, path), -1) {
			made[m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(made) < 20 {
		t.Fatalf("only %d metrics were found in the source: the check would be hollow", len(made))
	}
	told := map[string]bool{}
	for name, page := range pages(t) {
		for _, m := range metric.FindAllString(page, -1) {
			if told[m] = true; !made[m] {
				t.Errorf("%s names the metric %s, which there is not", name, m)
			}
		}
	}
	for m := range made {
		if !told[m] {
			t.Errorf("operating.md does not know the metric %s", m)
		}
	}
}

// TestCommandsExist looks up every command line of the pages in the programs'
// own help.
func TestCommandsExist(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./fcd", "./fcctl")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	helps := map[string]string{}
	help := func(path []string) string {
		key := strings.Join(path, " ")
		if _, asked := helps[key]; !asked {
			cmd := exec.Command(filepath.Join(dir, path[0]), append(slices.Clone(path[1:]), "--help")...)
			cmd.Env = append(os.Environ(), "HOME="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				out = nil
			}
			helps[key] = string(out)
		}
		return helps[key]
	}
	n := 0
	for name, page := range pages(t) {
		for _, line := range commandLines(page) {
			n++
			if wrong := check(line, help); wrong != "" {
				t.Errorf("%s: %s: %s", name, strings.Join(line, " "), wrong)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d command lines were found: the check would be hollow", n)
	}
}

var command = regexp.MustCompile(`(?:^|[(|\s]|\./bin/)(fcd|fcctl)((?: +[^|;&)#]+)?)`)

// commandLines are the command lines in a page's shell blocks, word by word.
func commandLines(page string) [][]string {
	var lines [][]string
	_, texts := blocks(page, "sh", "bash")
	kinds, sessions := blocks(page, "console")
	for i := range kinds {
		for line := range strings.Lines(sessions[i]) {
			if typed, ok := strings.CutPrefix(line, "$ "); ok {
				texts = append(texts, typed)
			}
		}
	}
	for line := range strings.Lines(page) {
		if typed, ok := strings.CutPrefix(line, "    "); ok && strings.Contains(typed, "./bin/") {
			texts = append(texts, typed)
		}
	}
	for _, text := range texts {
		for line := range strings.Lines(text) {
			line = regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(line, "x")
			for _, m := range command.FindAllStringSubmatch(line, -1) {
				lines = append(lines, append([]string{m[1]}, strings.Fields(m[2])...))
			}
		}
	}
	return lines
}

// check says what is wrong with a command line, or "".
func check(line []string, help func([]string) string) string {
	path := line[:1]
	commands := regexp.MustCompile(`(?ms)^COMMANDS:\n(.*?)\n\n`)
	rest := line[1:]
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		m := commands.FindStringSubmatch(help(path))
		if m == nil {
			break
		}
		if !regexp.MustCompile(`(?m)^ +` + regexp.QuoteMeta(rest[0]) + `[, ]`).MatchString(m[1]) {
			return "there is no command " + rest[0]
		}
		path, rest = append(slices.Clone(path), rest[0]), rest[1:]
	}
	text := help(path)
	if text == "" {
		return "it has no help"
	}
	all := text + help(line[:1])
	for _, word := range rest {
		name := strings.TrimLeft(word, "-")
		if name == word || name == "" {
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		if !regexp.MustCompile(`(?m)[ ,]--?` + regexp.QuoteMeta(name) + `\b`).MatchString(all) {
			return "there is no flag " + word
		}
	}
	return ""
}
