//go:build unix

package tui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"github.com/flowcatalyst/fc/client"
)

// broken is a page that panics where it is told to.
type broken struct {
	*list[string]
	at string
}

func (b *broken) Name() string { return "broken" }

func (b *broken) Read() tea.Cmd {
	if b.at == "read" {
		return tea.Batch(func() tea.Msg { panic("no luck in read") })
	}
	return nil
}

func (b *broken) View(int, int) string {
	if b.at == "view" {
		panic("no luck in view")
	}
	return "press a key"
}

func (b *broken) Key(string) (tea.Cmd, bool) { panic("no luck in key") }

// breaksAt has the test's own program be a screen whose page panics there.
const breaksAt = "FCCTL_TEST_BREAKS_AT"

func TestMain(m *testing.M) {
	at, child := os.LookupEnv(breaksAt)
	if !child {
		os.Exit(m.Run())
	}
	c, err := client.New(client.Options{URL: os.Getenv("FCCTL_URL")})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	r := newRoot(ctx, Options{Client: c, In: os.Stdin, Out: os.Stdout, Now: time.Now})
	r.pages = append(r.pages, &broken{list: newEmptyList(r.desk), at: at})
	if err := run(ctx, r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func newEmptyList(d *desk) *list[string] { return &list[string]{desk: d, grid: newGrid()} }

// Whatever a page does, the terminal is as it was afterwards, and what happened
// can be read on it.
func TestATerminalIsAsItWasAfterAPanic(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	for _, at := range []string{"read", "view", "key"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), breaksAt+"="+at, "FCCTL_URL="+srv.URL, "TERM=xterm-256color", "GORACE=atexit_sleep_ms=0")
			f, err := pty.StartWithSize(c, &pty.Winsize{Rows: 60, Cols: 120})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			stuck := time.AfterFunc(20*time.Second, func() { _ = c.Process.Kill() })
			defer stuck.Stop()
			vt := vt10x.New(vt10x.WithSize(120, 60), vt10x.WithWriter(f))
			var said strings.Builder
			b, pressed := make([]byte, 32<<10), false
			for {
				n, err := f.Read(b)
				said.Write(b[:n])
				_, _ = vt.Write(b[:n])
				if at == "key" && !pressed && strings.Contains(vt.String(), "press a key") {
					pressed = true
					_, _ = f.WriteString("k")
				}
				if err != nil {
					break // a terminal that has ended is an error on Linux
				}
			}
			var failed *exec.ExitError
			if err := c.Wait(); !errors.As(err, &failed) || failed.ExitCode() != 1 {
				t.Errorf("it ended with %v", err)
			}
			if m := vt.Mode(); m&vt10x.ModeAltScreen != 0 || !vt.CursorVisible() {
				t.Errorf("the terminal is left in mode %b, cursor shown: %t", m, vt.CursorVisible())
			}
			for _, want := range []string{`a mistake of its own on the page "broken": no luck in ` + at, "shield_unix_test.go"} {
				if !strings.Contains(said.String(), want) || !strings.Contains(vt.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, vt.String())
				}
			}
		})
	}
}
