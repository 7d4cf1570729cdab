package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// Handed is an event that was handed to somebody, and what came of it.
type Handed struct {
	At     time.Time
	Event  *client.Event
	Answer string // in a few words
	OK     bool
	Took   time.Duration
	// Attempt counts from 1.
	Attempt int
	// Again is how long it is until the next attempt; 0 if there is none.
	Again time.Duration
}

// Text is one line.
func (h Handed) Text(ink Ink) string {
	parts := []string{ink.Dim(h.At.Format("15:04:05.000")), ink.Bold(h.Event.Type), h.Event.ID}
	if h.Event.MessageGroup != "" {
		parts = append(parts, "group "+h.Event.MessageGroup)
	}
	answer := ink.Green(h.Answer)
	if !h.OK {
		answer = ink.Red(h.Answer)
	}
	if h.Took > 0 {
		answer += " in " + h.Took.Round(100*time.Microsecond).String()
	}
	if h.Attempt > 1 {
		answer += fmt.Sprintf(", attempt %d", h.Attempt)
	}
	switch {
	case h.Again > 0:
		answer += ", again in " + h.Again.String()
	case !h.OK:
		answer += ", " + ink.Red("skipped")
	}
	return strings.Join(append(parts, answer), "  ") + "\n"
}

// Body is data for people, set off under the line that it belongs to.
func Body(data []byte) string {
	return "  " + strings.ReplaceAll(Pretty(data), "\n", "\n  ") + "\n"
}
