package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// The table of exit codes stands in the documentation as in the help.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/fcctl.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "\n## Exit codes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	want := "\n| | |\n|---|---|\n"
	for _, m := range fault.Meanings {
		want += fmt.Sprintf("| %d | %s |\n", m.Code, strings.ReplaceAll(m.Means, "|", `\|`))
	}
	if !strings.HasPrefix(section, want) {
		t.Errorf("the table in docs/fcctl.md should be:%s", want)
	}
	a, out, _ := fcctl(t)
	if code := Run(context.Background(), a, []string{"help", "exit-codes"}); code != fault.OK || !strings.Contains(out.String(), "64  a wrong command line") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// A panic is an error that asks for a report; a signal has an exit code.
func TestHowACommandEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		cause error
		do    func(*cli.Context) error
		code  int
		talk  string
	}{
		"a panic":                {nil, func(*cli.Context) error { panic("no such key") }, fault.Failed, "fcctl has made a mistake of its own: no such key\nTry: again with --debug"},
		"SIGINT":                 {fault.Signal{Signal: os.Interrupt}, func(c *cli.Context) error { return fmt.Errorf("list: %w", c.Context.Err()) }, 130, "interrupted\n"},
		"SIGTERM":                {fault.Signal{Signal: syscall.SIGTERM}, func(c *cli.Context) error { return fmt.Errorf("list: %w", c.Context.Err()) }, 143, "interrupted\n"},
		"SIGINT as its own end":  {fault.Signal{Signal: os.Interrupt}, func(*cli.Context) error { return nil }, fault.OK, ""},
		"SIGINT with more to do": {fault.Signal{Signal: os.Interrupt}, func(*cli.Context) error { return fault.New(fault.Failed, "fcctl x", "the rest goes on") }, 130, "the rest goes on\nTry: fcctl x"},
	} {
		a, _, talk := fcctl(t)
		tree := root(a)
		tree.Commands = append(tree.Commands, &cli.Command{Name: "boom", Action: tt.do})
		ctx, stop := context.WithCancelCause(context.Background())
		if tt.cause != nil {
			stop(tt.cause)
		}
		code := a.Run(ctx, tree, []string{"boom"})
		stop(nil)
		if code != tt.code || !strings.Contains(talk.String(), tt.talk) || strings.Contains(talk.String(), "goroutine") {
			t.Errorf("%s: exit %d, %q", name, code, talk)
		}
	}
}

// A question can be interrupted, although nobody answers it.
func TestAQuestionCanBeInterrupted(t *testing.T) {
	a, _, talk := fcctl(t)
	in, never := io.Pipe()
	defer func() { _ = never.Close() }()
	a.Terminal, a.In = true, in
	ctx, stop := context.WithCancelCause(context.Background())
	tree := root(a)
	tree.Commands = append(tree.Commands, &cli.Command{Name: "boom", Action: func(c *cli.Context) error {
		stop(fault.Signal{Signal: os.Interrupt})
		return a.Sure(c, "Really?")
	}})
	if code := a.Run(ctx, tree, []string{"boom"}); code != fault.Interrupted || !strings.Contains(talk.String(), "interrupted; nothing was done") {
		t.Errorf("exit %d, %q", code, talk)
	}
}
