package tui

import (
	"slices"
	"strings"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"
)

// prompt is the line for commands, filters and passwords.
type prompt struct {
	text   string
	secret bool
}

func (p *prompt) press(m tea.KeyMsg) {
	switch m.Type {
	case tea.KeyBackspace:
		_, n := utf8.DecodeLastRuneInString(p.text)
		p.text = p.text[:len(p.text)-n]
	case tea.KeyCtrlU:
		p.text = ""
	case tea.KeyCtrlW:
		p.text = p.text[:strings.LastIndexByte(strings.TrimRight(p.text, " "), ' ')+1]
	case tea.KeySpace:
		p.text += " "
	case tea.KeyRunes:
		p.text += string(m.Runes)
	}
}

// shown is the line with a cursor at its end.
func (p *prompt) shown() string {
	if p.secret {
		return strings.Repeat("•", utf8.RuneCountInString(p.text)) + "█"
	}
	return p.text + "█"
}

// fitting are the candidates that begin as the text does.
func (p *prompt) fitting(candidates []string) []string {
	var fit []string
	for _, c := range candidates {
		if strings.HasPrefix(c, p.text) {
			fit = append(fit, c)
		}
	}
	return fit
}

// complete goes on as far as all candidates agree.
func (p *prompt) complete(candidates []string) {
	fit := p.fitting(candidates)
	if len(fit) == 0 {
		return
	}
	slices.Sort(fit)
	first, end := fit[0], fit[len(fit)-1]
	n := 0
	for n < len(first) && n < len(end) && first[n] == end[n] {
		n++
	}
	p.text = first[:n]
	if len(fit) == 1 && !strings.HasSuffix(p.text, " ") {
		p.text += " "
	}
}
