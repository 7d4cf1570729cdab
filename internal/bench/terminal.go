package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

const (
	terminalRows = 45
	terminalCols = 140
	// connected is what the screen says of a connection that is well.
	connected = "● live"
)

// terminalPatience is for how long a screen may not show what it must.
var terminalPatience = 10 * time.Second

// A terminal is a person's terminal in which `fcctl tui` runs. All that the
// screen draws is read at once and drawn, as a terminal does.
type terminal struct {
	view   view
	cmd    *exec.Cmd
	tty    *os.File
	vt     vt10x.Terminal
	exited chan struct{} // closed when fcctl has ended
	exit   error         // valid once exited is closed

	mu      sync.Mutex
	text    string // what is on it
	live    string // what view.live saw last
	changes int    // how often that changed
	most    int    // the most deliveries a second that it showed
	awaited *awaited
}

// awaited is what somebody waits to see.
type awaited struct {
	fits func(text string) bool
	at   chan time.Time
}

// openTerminal runs `fcctl tui` against the daemon and returns when the view is
// on the screen.
func openTerminal(ctx context.Context, fcctl string, d *daemon, v view) (*terminal, error) {
	t := &terminal{view: v, cmd: exec.CommandContext(ctx, fcctl, "tui"), exited: make(chan struct{})}
	t.cmd.Env = append(environment(d.dir), "TERM=xterm-256color", "CI=", "FCCTL_URL="+d.URL, "FCCTL_TOKEN="+d.token)
	var err error
	if t.tty, err = pty.StartWithSize(t.cmd, &pty.Winsize{Rows: terminalRows, Cols: terminalCols}); err != nil {
		return nil, fmt.Errorf("open the screen: %w. Try: make build, or -fcctl", err)
	}
	t.vt = vt10x.New(vt10x.WithSize(terminalCols, terminalRows), vt10x.WithWriter(t.tty))
	go t.follow()
	err = t.until(ctx, "a connection that is live", func(text string) bool {
		return strings.Contains(text, connected) && strings.Contains(text, "delivered")
	})
	if err == nil && v.keys != "" {
		if _, err = t.tty.WriteString(v.keys); err == nil {
			err = t.until(ctx, "the "+v.name, func(text string) bool { return v.live(text) != "" })
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the screen: %w", err), t.end())
	}
	return t, nil
}

// follow draws what the screen says until it ends.
func (t *terminal) follow() {
	b := make([]byte, 0, 32<<10)
	for {
		n, err := t.tty.Read(b[len(b):cap(b)])
		if n > 0 {
			at := time.Now()
			b = b[:len(b)+n]
			whole := len(b) - cut(b)
			_, _ = t.vt.Write(b[:whole])
			b = b[:copy(b, b[whole:])]
			t.drawn(at, t.vt.String())
		}
		if err != nil { // on Linux a terminal that nobody writes to any more is one
			break
		}
	}
	t.exit = t.cmd.Wait()
	close(t.exited)
}

// cut is how many bytes at the end are the beginning of a character whose rest
// has not been read.
func cut(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

var deliveredPerSecond = regexp.MustCompile(`delivered +([0-9]+)/s`)

// drawn takes what is on the screen now.
func (t *terminal) drawn(at time.Time, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = text
	if now := t.view.live(text); now != "" && now != t.live {
		t.live = now
		t.changes++
	}
	if m := deliveredPerSecond.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			t.most = max(t.most, n)
		}
	}
	if w := t.awaited; w != nil && w.fits(text) {
		t.awaited = nil
		w.at <- at
	}
}

// look returns what is on the screen.
func (t *terminal) look() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text
}

// seen returns how often the screen has shown something new; without a screen,
// never.
func (t *terminal) seen() int {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changes
}

// mostDelivered returns the most deliveries a second that it has shown.
func (t *terminal) mostDelivered() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.most
}

// until returns when what is on the screen fits.
func (t *terminal) until(ctx context.Context, what string, fits func(string) bool) error {
	_, err := t.when(ctx, what, fits)
	return err
}

// when returns the time at which what is on the screen first fits.
func (t *terminal) when(ctx context.Context, what string, fits func(string) bool) (time.Time, error) {
	w := &awaited{fits, make(chan time.Time, 1)}
	t.mu.Lock()
	there := fits(t.text)
	if !there {
		t.awaited = w
	}
	t.mu.Unlock()
	if there {
		return time.Now(), nil
	}
	timer := time.NewTimer(terminalPatience)
	defer timer.Stop()
	var why string
	select {
	case at := <-w.at:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, context.Cause(ctx)
	case <-t.exited:
		why = fmt.Sprintf("fcctl ended (%v) and did not show %s", t.exit, what)
	case <-timer.C:
		why = fmt.Sprintf("it does not show %s after %s", what, terminalPatience)
	}
	return time.Time{}, fmt.Errorf("%s; it shows:\n%s", why, t.look())
}

// A stroke is a key, and what only it puts on the screen: new figures, which
// change the screen as well, are not taken for the answer.
type stroke struct {
	key  string
	what string
	fits func(text string) bool
}

// press writes the key and returns how long it took until the screen showed it.
func (t *terminal) press(ctx context.Context, s stroke) (time.Duration, error) {
	if text := t.look(); s.fits(text) {
		return 0, fmt.Errorf("the screen shows %s before the key for it was pressed:\n%s", s.what, text)
	}
	began := time.Now()
	if _, err := t.tty.WriteString(s.key); err != nil {
		return 0, fmt.Errorf("press a key: %w", err)
	}
	at, err := t.when(ctx, s.what, s.fits)
	return at.Sub(began), err
}

// end leaves the screen as a person does. One that ends badly, or not at all,
// is an error.
func (t *terminal) end() error {
	_, _ = t.tty.WriteString("\x03")
	timer := time.NewTimer(terminalPatience)
	defer timer.Stop()
	defer t.tty.Close()
	select {
	case <-t.exited:
		if t.exit != nil {
			return fmt.Errorf("leave the screen: %w", t.exit)
		}
		return nil
	case <-timer.C:
		_ = t.cmd.Process.Kill()
		<-t.exited
		return fmt.Errorf("leave the screen: it did not end within %s", terminalPatience)
	}
}
