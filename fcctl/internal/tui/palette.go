package tui

import (
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/flowcatalyst/fc/client"
)

// A tone is what a text says beside its words. No tone is the only sign of
// anything: the words say it too.
type tone uint8

const (
	plain tone = iota
	faint
	good
	bad
	careful
	strong
	link
)

// palette is the colours of a terminal, light or dark, or none.
type palette struct {
	styles map[tone]lipgloss.Style
	row    lipgloss.Style
	none   bool
}

// newPalette looks at the terminal that out is, unless there is to be no
// colour.
func newPalette(out io.Writer, colour bool) *palette {
	r := lipgloss.NewRenderer(out)
	if !colour {
		r.SetColorProfile(termenv.Ascii)
	}
	// The terminal is asked now whether it is dark. Left to the first colour, the
	// question would be put while keys are read, and its answer taken for keys.
	if colour {
		r.HasDarkBackground()
	}
	ink := func(light, dark string) lipgloss.Style {
		return r.NewStyle().Foreground(lipgloss.AdaptiveColor{Light: light, Dark: dark})
	}
	return &palette{
		styles: map[tone]lipgloss.Style{
			faint: ink("242", "245"), good: ink("28", "78"), bad: ink("160", "203"), careful: ink("130", "214"),
			strong: r.NewStyle().Bold(true), link: ink("26", "75"),
		},
		row:  r.NewStyle().Reverse(true),
		none: !colour,
	}
}

func (p *palette) paint(t tone, s string) string {
	style, is := p.styles[t]
	if p.none || !is || s == "" {
		return s
	}
	return style.Render(s)
}

// cursor is the row that keys work on. Without colour its sign says so.
func (p *palette) cursor(s string) string {
	if p.none {
		return s
	}
	return p.row.Render(s)
}

// toneOf is the tone of a state.
func toneOf(state string) tone {
	switch state {
	case "COMPLETED", "ACTIVE", "CLOSED", "RUNNING", "DELIVERED", client.Up:
		return good
	case "FAILED", "EXPIRED", "OPEN", "CRITICAL", "ERROR", client.Down:
		return bad
	case "PAUSED", "SUSPENDED", "CANCELLED", "ARCHIVED", "HALF_OPEN", "WARN", "PROCESSING":
		return careful
	}
	return plain
}
