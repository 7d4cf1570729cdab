package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/term"
)

// fakeScreen is an `fcctl tui` that knows nothing and looks as if it did. Its
// vice is what the trial has to find out.
func fakeScreen(vice string) error {
	old, err := term.MakeRaw(int(os.Stdin.Fd()))
	if err != nil {
		return err
	}
	defer term.Restore(int(os.Stdin.Fd()), old)
	typed := make(chan string)
	go func() {
		b := make([]byte, 16)
		for {
			n, err := os.Stdin.Read(b)
			if err != nil {
				return
			}
			for _, key := range b[:n] {
				typed <- string(rune(key))
			}
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	connection, mode, n := connected, "", 0
	if vice == "the screen is dark" {
		connection = "… connecting"
	}
	for {
		select {
		case <-tick.C:
			if vice != "the screen stands still" {
				n++
			}
		case key := <-typed:
			switch {
			case key == "\x03":
				return nil
			case vice == "the screen is deaf":
				continue
			case vice == "the screen is late and lies":
				<-time.After(110 * time.Millisecond)
			}
			mode = map[string]string{"?": "everywhere", ":": ":"}[key]
		}
		third, figure := "", 200+n%20
		if mode == ":" {
			third = ":"
		}
		if vice == "the screen is late and lies" {
			figure = 3 + n%2
		}
		lines := []string{"fcctl " + connection, " overview", third, fmt.Sprintf("delivered  %d/s", figure), fmt.Sprintf("  %s  6H0JJ5M%06d", eventType, n), mode}
		if _, err := io.WriteString(os.Stdout, "\x1b[H"+strings.Join(lines, "\x1b[K\r\n")+"\x1b[K"); err != nil {
			return err
		}
	}
}

func TestTheTrialOfTheScreenFindsEachVice(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what another process has used")
	}
	times, patience := screenTimes, terminalPatience
	t.Cleanup(func() { screenTimes, terminalPatience = times, patience })
	screenTimes.rate = 300
	screenTimes.settle, screenTimes.steady, screenTimes.keys, screenTimes.idle = 20*time.Millisecond, 400*time.Millisecond, 200*time.Millisecond, 100*time.Millisecond
	screenTimes.shows = 400 * time.Millisecond
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for vice, c := range map[string]struct {
		code int
		says []string
	}{
		"":                        {0, []string{"full speed with the events page, of that without"}},
		"repeats":                 {1, []string{"FAILED  screen: 3 duplicates"}},
		"the screen is dark":      {1, []string{"it does not show a connection that is live after 2s"}},
		"the screen stands still": {1, []string{"FAILED  screen: the overview showed something new 0 times"}},
		"the screen is deaf":      {1, []string{"it does not show the help after 2s"}},
		"the screen is late and lies": {1, []string{
			"missed  screen: 300/s with the overview: p99 from a key to the screen",
			"FAILED  screen: the overview showed at most 4 deliveries/s of 300",
		}},
	} {
		t.Run(vice, func(t *testing.T) {
			terminalPatience = patience
			if vice == "the screen is dark" || vice == "the screen is deaf" {
				terminalPatience = 2 * time.Second // it is waited for in vain
			}
			code, stdout, stderr := play(t, vice, "-scenario", ofScreen, "-fcctl", self)
			for _, says := range c.says {
				if code != c.code || !strings.Contains(stdout+stderr, says) {
					t.Errorf("status %d, want %d and %q\n%s%s", code, c.code, says, stdout, stderr)
				}
			}
			if vice == "" && strings.Contains(stdout, "p99 from a key to the screen  0 ms") {
				t.Errorf("no key was pressed:\n%s", stdout)
			}
		})
	}
}
