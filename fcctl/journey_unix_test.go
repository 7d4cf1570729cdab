//go:build unix

package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// terminal is a person's terminal with `fcctl tui` in it.
type terminal struct {
	t    *testing.T
	vt   vt10x.Terminal
	keys *os.File
	used int
	// drawn has something in it once the screen was drawn again.
	drawn chan struct{}
}

// sit starts the screen as the daemon's administrator.
func sit(t *testing.T, d *daemontest.Daemon) *terminal {
	t.Helper()
	return sitWith(t, "HOME="+t.TempDir(), "FCCTL_URL="+d.URL("platform"), "FCCTL_TOKEN="+d.Token())
}

// sitWith starts the screen in a terminal of 100×30.
func sitWith(t *testing.T, env ...string) *terminal {
	t.Helper()
	c := exec.Command("fcctl", "tui")
	c.Env = append(append(os.Environ(), "TERM=xterm-256color", "GORACE="+quick), env...)
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: 30, Cols: 100})
	if err != nil {
		t.Fatalf("start the screen: %v", err)
	}
	s := &terminal{t: t, vt: vt10x.New(vt10x.WithSize(100, 30), vt10x.WithWriter(f)), keys: f, drawn: make(chan struct{}, 1)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b := make([]byte, 32<<10)
		for {
			n, err := f.Read(b)
			if n > 0 {
				_, _ = s.vt.Write(b[:n])
				select {
				case s.drawn <- struct{}{}:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_, _ = f.WriteString("\x03")
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the screen ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("the screen did not end with ctrl+c")
			_ = c.Process.Kill()
			<-ended
		}
		_ = f.Close()
		<-read
	})
	s.sees("What needs you")
	s.sees("live")
	return s
}

// press presses keys, one for each character; enter and the like by name.
func (s *terminal) press(keys ...string) *terminal {
	s.t.Helper()
	for _, k := range keys {
		s.used++
		switch k {
		case "enter":
			k = "\r"
		case "esc":
			k = "\x1b"
		case "ctrl+d":
			k = "\x04"
		case "down":
			k = "\x1b[B"
		}
		if _, err := s.keys.WriteString(k); err != nil {
			s.t.Fatalf("press a key: %v", err)
		}
	}
	return s
}

// sees waits until all of the words are on the screen.
func (s *terminal) sees(words ...string) *terminal {
	s.t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		shown := s.vt.String()
		missing := ""
		for _, w := range words {
			if !strings.Contains(shown, w) {
				missing = w
			}
		}
		if missing == "" {
			return s
		}
		select {
		case <-s.drawn:
		case <-end.C:
			s.t.Fatalf("%q is not on the screen:\n%s", missing, shown)
		}
	}
}

// within checks how many keys a journey took from the overview.
func (s *terminal) within(most int) {
	if s.used > most {
		s.t.Errorf("it took %d keys, more than %d", s.used, most)
	}
}

// What somebody does at night, in a real terminal against a real daemon.
func TestJourneys(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	ctx := context.Background()
	var broken atomic.Bool
	broken.Store(true)
	got := make(chan string, 1000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusBadRequest) // FAILED at once
			return
		}
		select {
		case got <- r.Header.Get("webhook-id"):
		default:
		}
	}))
	t.Cleanup(srv.Close)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := d.Client.Resources(resource.KindConnection).Create(ctx, &resource.Connection{Code: "warehouse", URL: srv.URL})
	must(err)
	for _, s := range []*resource.Subscription{
		{Code: "in-order", ConnectionCode: "warehouse", Mode: resource.ModeBlockOnError, EventTypes: []resource.Binding{{EventTypeCode: "shop:sales:order:*"}}},
		{Code: "large-only", ConnectionCode: "warehouse", EventTypes: []resource.Binding{{EventTypeCode: "shop:sales:order:*", Filter: "data.total > 100.0"}}},
	} {
		_, err := d.Client.Resources(resource.KindSubscription).Create(ctx, s)
		must(err)
	}
	publish := func(group string, total int) {
		t.Helper()
		_, err := d.Client.Events.Publish(ctx, client.NewEvent{Type: "shop:sales:order:placed", MessageGroup: group, Data: map[string]int{"total": total}})
		must(err)
	}
	letters := func() (n int) {
		for _, err := range d.Client.DeadLetters.List(ctx, client.LetterFilter{}) {
			must(err)
			n++
		}
		return n
	}
	until := func(what string, fact func() bool) {
		t.Helper()
		end, tick := time.NewTimer(patience), time.NewTicker(20*time.Millisecond)
		defer end.Stop()
		defer tick.Stop()
		for !fact() {
			select {
			case <-tick.C:
			case <-end.C:
				t.Fatalf("waited in vain until %s", what)
			}
		}
	}
	publish("order-1", 40) // one dead letter, which blocks its group
	publish("order-2", 40)
	until("two deliveries have failed", func() bool { return letters() == 2 })

	t.Run("find why an event was not delivered", func(t *testing.T) {
		s := sit(t, d)
		s.press("e").sees("shop:sales:order:placed", "order-2")
		s.press("enter").sees("✓ in-order", "FAILED", "400", "✗ large-only", "data.total = 40")
		s.within(10)
	})
	t.Run("retry a dead letter", func(t *testing.T) {
		broken.Store(false)
		s := sit(t, d)
		s.sees("dead letter")
		s.press("d").sees("in-order", "order-2")
		s.press("r").sees("sent again:", "fcctl dead-letters retry")
		<-got
		s.within(10)
	})
	t.Run("release a blocked group", func(t *testing.T) {
		s := sit(t, d)
		s.press("b").sees("order-1")
		s.press("r").sees("the head goes again", "no message group is blocked")
		<-got
		until("no delivery is a dead letter", func() bool { return letters() == 0 })
		s.within(10)
	})
	t.Run("pause a connection", func(t *testing.T) {
		s := sit(t, d)
		s.press("c").sees("warehouse", "ACTIVE")
		s.press("p").sees("Pause connection warehouse?")
		s.press("y").sees("PAUSED", "fcctl connections pause warehouse")
		s.within(10)
	})
	t.Run("test a connection", func(t *testing.T) {
		s := sit(t, d)
		s.press("c").sees("warehouse", "PAUSED")
		s.press("t").sees("✓ a delivery would be COMPLETED", "What came back", "200", "What was sent", "fcctl connections test warehouse")
		<-got
		s.within(10)
	})
	t.Run("start and cancel a replay", func(t *testing.T) {
		s := sit(t, d)
		s.press("r").sees("no events were sent again")
		s.press("n").sees("Send events again")
		s.press("enter").sees("This is what would be sent", "in-order")
		s.press("enter").sees("RUNNING") // its connection is paused
		s.press("ctrl+d").sees("Cancel replay")
		s.press("y").sees("CANCELLED")
		s.within(10)
	})
}

// The libraries of the screen ask a terminal for its colours when a program
// starts, and wait for the answer. No other command may.
func TestACommandAsksTheTerminalNothing(t *testing.T) {
	t.Parallel()
	c := exec.Command("fcctl", "version")
	c.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=xterm-256color", "GORACE="+quick, "CI=")
	f, err := pty.Start(c)
	if err != nil {
		t.Fatalf("start fcctl: %v", err)
	}
	defer f.Close()
	said, _ := io.ReadAll(f) // a terminal that has ended is an error on Linux
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(said), "v1.2.3") || strings.Contains(string(said), "\x1b") {
		t.Errorf("fcctl version says %q to a terminal", said)
	}
}
