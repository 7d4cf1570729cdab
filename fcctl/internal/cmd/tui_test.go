package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
)

// Every command that the screen shows beside a page or an action is one that
// can be typed.
func TestTheScreenShowsCommandsThatExist(t *testing.T) {
	files, err := filepath.Glob("../tui/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of the screen: %v", err)
	}
	quoted := regexp.MustCompile(`"fcctl ((?:[a-z][a-z-]*|--[a-z-]+|-o json)(?: (?:[a-z][a-z-]*|--[a-z-]+|-o json))*)`)
	a, _, _ := fcctl(t)
	tree := root(a)
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(b), -1) {
			seen++
			words := strings.Fields(m[1])
			if last := words[len(words)-1]; strings.HasPrefix(last, "--") && last != "--watch" && last != "--all" && last != "--help" && last != "--dry-run" {
				words = append(words, "1") // a value that follows in the code
			}
			if _, err := app.Arrange(tree, words); err != nil {
				t.Errorf("%s: fcctl %s: %v", filepath.Base(file), m[1], err)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d commands were found in the screen's code", seen)
	}
}

// Where no screen can be drawn, the error says what can be had.
func TestTheScreenNeedsATerminalThatCanDraw(t *testing.T) {
	t.Parallel()
	for term, says := range map[string]string{"dumb": "TERM=dumb: ", "xterm": "there is no terminal to draw on"} {
		a, _, talk := fcctl(t, "TERM", term, "FCCTL_URL", "http://127.0.0.1:1", "FCCTL_TOKEN", "x")
		if code := Run(t.Context(), a, []string{"tui"}); code != 1 || !strings.Contains(talk.String(), says) || !strings.Contains(talk.String(), "Try: fcctl tui --once") {
			t.Errorf("TERM=%s: exit code %d\n%s", term, code, talk)
		}
	}
}
