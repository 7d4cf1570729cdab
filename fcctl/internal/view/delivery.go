package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Delivery is one request that a receiver got, and what it answered.
type Delivery struct {
	At        time.Time       `json:"at"`
	Path      string          `json:"path"`
	EventType string          `json:"eventType,omitempty"`
	EventID   string          `json:"eventId,omitempty"`
	JobID     string          `json:"jobId,omitempty"`
	Attempt   int             `json:"attempt,omitempty"`
	Group     string          `json:"group,omitempty"`
	Replay    bool            `json:"replay,omitempty"`
	Verified  bool            `json:"verified"`
	Signature string          `json:"signature"` // "verified", "not checked", or what is wrong with it
	Scheme    string          `json:"scheme,omitempty"`
	Status    int             `json:"status"`
	Body      json.RawMessage `json:"body,omitempty"` // as JSON where it is, else as a string
}

// Text is a delivery for people: a line that can be read while others follow,
// and the body if it is to be shown.
func (d Delivery) Text(body string, ink Ink) string {
	var b strings.Builder
	b.WriteString(ink.Dim(d.At.Format("15:04:05.000")) + " ")
	parts := []string{ink.Bold(first(d.EventType, "(no type)"))}
	if d.JobID != "" {
		parts = append(parts, "job "+d.JobID)
	}
	if d.Attempt > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", d.Attempt))
	}
	if d.Group != "" {
		parts = append(parts, "group "+d.Group)
	}
	if d.Replay {
		parts = append(parts, "replay")
	}
	b.WriteString(strings.Join(parts, "  ") + "  ")
	switch {
	case d.Verified:
		b.WriteString(ink.Green("signature verified"))
	case d.Signature == "not checked":
		b.WriteString(ink.Yellow("signature not checked"))
	default:
		b.WriteString(ink.Red("signature NOT verified: " + d.Signature))
	}
	answer := fmt.Sprintf("answered %d", d.Status)
	if d.Status >= 300 {
		answer = ink.Red(answer)
	}
	b.WriteString("  " + answer + "\n")
	switch body {
	case "pretty":
		text := Pretty(d.Body)
		var s string
		if json.Unmarshal(d.Body, &s) == nil {
			text = s
		}
		if text != "" {
			b.WriteString("  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n")
		}
	case "raw":
		if len(d.Body) > 0 {
			b.WriteString("  " + string(d.Body) + "\n")
		}
	}
	return b.String()
}
