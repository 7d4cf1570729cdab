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
	p := &palette{styles: map[tone]lipgloss.Style{strong: r.NewStyle().Bold(true)}, row: r.NewStyle().Reverse(true), none: !colour}
	for t, i := range inks {
		p.styles[t] = r.NewStyle().Foreground(lipgloss.CompleteAdaptiveColor{
			Light: lipgloss.CompleteColor{TrueColor: i.light, ANSI256: i.light, ANSI: i.light16},
			Dark:  lipgloss.CompleteColor{TrueColor: i.dark, ANSI256: i.dark, ANSI: i.dark16},
		})
	}
	return p
}

// ink is the colour of a tone on light and on dark, of the 256 of xterm, and of
// the 16 that people choose themselves: of those, none is used that is often too
// near to the background.
type ink struct{ light, dark, light16, dark16 string }

var inks = map[tone]ink{
	faint:   {"241", "247", "", ""},
	good:    {"22", "78", "", "2"},
	bad:     {"124", "210", "1", "9"},
	careful: {"94", "214", "5", "3"},
	link:    {"25", "75", "4", "6"},
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
