package main

import (
	"fmt"
	"io"
	"os"
	"strings"
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
