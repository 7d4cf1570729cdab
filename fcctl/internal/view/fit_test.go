package view

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/client"
)

// A row of a list fits the terminal, with its id whole; elsewhere it is whole.
func TestRowsFitTheTerminal(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 22, 57, 48, 0, time.UTC)
	jobs := []client.Job{
		{ID: "6H0JJ9T2S6BMQ", Status: "PENDING", Code: "shop:warehouse:parcel:dispatched", SubscriptionCode: "large-orders", MessageGroup: "parcel-7", AttemptCount: 2, CreatedAt: at,
			Due: at.Add(time.Minute), LastError: "the receiver refused the connection. Check whether it runs"},
		{ID: "6H0JJ9T2S6BMR", Status: "PROCESSING", Code: "shop:sales:order:placed", SubscriptionCode: "small", AttemptCount: 1, CreatedAt: at},
	}
	for _, width := range []int{80, 100, 120, 500} {
		text := Jobs(jobs, Ink{}.Within(width))
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d in %d: %s", n, width, line)
			}
		}
		for _, want := range []string{"6H0JJ9T2S6BMQ", "6H0JJ9T2S6BMR", "PENDING", "11-26 22:57:48", "NOTE"} {
			if !strings.Contains(text, want) {
				t.Errorf("at %d no %s in\n%s", width, want, text)
			}
		}
	}
	if s := Jobs(jobs, Ink{}.Within(120)); !strings.Contains(s, "…") || !strings.Contains(s, "dispatched") {
		t.Errorf("at 120\n%s", s)
	}
	if whole := Jobs(jobs, Ink{}); strings.Contains(whole, "dispat…") || Jobs(jobs, Ink{}.Within(500)) != whole {
		t.Errorf("with room\n%s", whole)
	}
}
