package cmd

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// fcctl is an fcctl with a home of its own. Tests that run one are not parallel:
// urfave/cli keeps its help flag and command in globals.
func fcctl(t testing.TB, env ...string) (*app.App, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	vars := map[string]string{"HOME": t.TempDir()}
	for i := 0; i+1 < len(env); i += 2 {
		vars[env[i]] = env[i+1]
	}
	out, talk := new(bytes.Buffer), new(bytes.Buffer)
	return &app.App{Version: "v1", In: strings.NewReader(""), Out: out, Err: talk,
		Env: func(n string) (string, bool) { v, ok := vars[n]; return v, ok }}, out, talk
}

func TestFlagsStandAnywhere(t *testing.T) {
	t.Parallel()
	a, _, _ := fcctl(t)
	for in, want := range map[string]string{
		"get subscriptions -o json":                         "-o json get -- subscriptions",
		"get -o json subscriptions big --managed-by orders": "-o json get --managed-by orders -- subscriptions big",
		"-o=json get subscriptions":                         "-o=json get -- subscriptions",
		"jobs list --status FAILED --url http://x":          "--url http://x jobs list --status FAILED",
		"jobs --url http://x list":                          "--url http://x jobs list",
		"apply plan.json -auto-approve -var a=b":            "apply -auto-approve -var a=b -- plan.json",
		"apply -f - ":                                       "apply -f -",
		"events publish - --client c":                       "events publish --client c -- -",
		"events get -- -o":                                  "events get -- -o",
		"jobs retry -5":                                     "jobs retry -- -5",
		"get get":                                           "get -- get",
		"jobs list --help":                                  "jobs list --help",
		"help jobs":                                         "jobs --help",
		"events publish help":                               "events publish --help",
		"jobs get -- help":                                  "jobs get -- help",
		"get client help":                                   "get -- client help",
	} {
		got, err := app.Arrange(root(a), strings.Fields(in))
		if err != nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s\n got %s\nwant %s\n(%v)", in, strings.Join(got, " "), want, err)
		}
	}
}

func TestWhatIsUnknownIsNamed(t *testing.T) {
	t.Parallel()
	a, _, _ := fcctl(t)
	for in, want := range map[string][2]string{
		"evnts":                     {`there is no command "evnts"`, "fcctl events"},
		"jobs lsit":                 {`jobs has no command "lsit"`, "fcctl jobs list"},
		"jobs list --stauts FAILED": {"jobs list has no flag --stauts", "--status"},
		"plan -auto-approve":        {"plan has no flag -auto-approve", "fcctl plan --help"},
		"--tokn=hunter2 version":    {"there is no flag --tokn", "--token"},
		"get subscriptions -o":      {"-o needs a value", "fcctl get --help"},
	} {
		_, err := app.Arrange(root(a), strings.Fields(in))
		var f *fault.Fault
		if !errors.As(err, &f) || f.Code != fault.Misused || f.Error() != want[0] || f.Try != want[1] {
			t.Errorf("%s: %v, try %q", in, err, f.Try)
		}
	}
}

// What a variable that is not set leaves behind must not choose all.
func TestAnEmptyFlagIsRefused(t *testing.T) {
	t.Parallel()
	a, _, _ := fcctl(t)
	for _, args := range [][]string{
		{"dead-letters", "discard", "--reason", "x", "--since", "1h", "--subscription", "", "--yes"},
		{"events", "replay", "--event", "0HZXEQ5Y8JY50", "--to=", "--yes"},
		{"events", "replay", "--subscription=", "--since", "1h"}, // may be repeated
		{"destroy", "--manifest", "", "--yes"},
		{"jobs", "list", "--watch="},
		{"--url", "", "apply"},
		{"apply", "--context", ""},
		{"jobs", "retry", ""},
		{"delete", "subscription", "", "--yes"},
		{"events", "get", "--", ""},
	} {
		_, err := app.Arrange(root(a), args)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Code != fault.Misused || !strings.Contains(f.Error(), " is empty") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// Every command says how it is used, by example, and the example is real.
func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	a, _, _ := fcctl(t)
	tree := root(a)
	var paths [][]string
	var walk func(at []string, cs []*cli.Command)
	walk = func(at []string, cs []*cli.Command) {
		for _, c := range cs {
			path := append(slices.Clone(at), c.Name)
			paths = append(paths, path)
			walk(path, c.Subcommands)
		}
	}
	walk(nil, tree.Commands)
	if len(paths) < 100 {
		t.Fatalf("%d commands", len(paths))
	}
	for _, path := range paths {
		a, out, talk := fcctl(t)
		if code := Run(context.Background(), a, append(path, "--help")); code != fault.OK || talk.Len() > 0 {
			t.Errorf("%v: exit %d, %s", path, code, talk)
		}
		_, examples, found := strings.Cut(out.String(), "Examples:\n")
		if !found {
			t.Errorf("%v has no example:\n%s", path, out)
			continue
		}
		examples, _, _ = strings.Cut(examples, "\n\n")
		for line := range strings.SplitSeq(examples, "\n") {
			words := strings.Fields(line)
			if len(words) == 0 || words[0] != "fcctl" {
				continue
			}
			line, _, _ = strings.Cut(strings.TrimSpace(line), " && ")
			line, _, _ = strings.Cut(line, " < ")
			words = strings.Fields(strings.NewReplacer("'{\"total\": 120}'", "{}").Replace(line))
			if _, err := app.Arrange(tree, words[1:]); err != nil {
				t.Errorf("%v: the example %q is wrong: %v", path, line, err)
			}
		}
	}
}
