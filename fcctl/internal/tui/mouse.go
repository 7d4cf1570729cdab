package tui

import tea "github.com/charmbracelet/bubbletea"

// Clicked is a page with something to click on.
type Clicked interface {
	// Click puts the cursor on what a line of the page shows, if it can be there.
	Click(line int)
}

// wheelStep is how many lines a step of the wheel is.
const wheelStep = 3

// click takes what a mouse does: the wheel is the keys for up and down, and the
// left button puts the cursor where it points.
func (r *root) click(m tea.MouseMsg) tea.Cmd {
	if m.Action != tea.MouseActionPress || r.mode != toPage && r.mode != toHelp {
		return nil
	}
	switch m.Button {
	case tea.MouseButtonWheelUp:
		return r.wheel(tea.KeyUp)
	case tea.MouseButtonWheelDown:
		return r.wheel(tea.KeyDown)
	case tea.MouseButtonLeft:
		if p, is := r.page().(Clicked); is && r.mode == toPage && m.Y >= aboveBody && m.Y < r.height-1 {
			p.Click(m.Y - aboveBody)
		}
	}
	return nil
}

func (r *root) wheel(k tea.KeyType) tea.Cmd {
	var cmds []tea.Cmd
	for range wheelStep {
		cmds = append(cmds, r.press(tea.KeyMsg{Type: k}))
	}
	return tea.Batch(cmds...)
}

// Click implements Clicked.
func (l *list[T]) Click(line int) { l.grid.click(line - l.above) }

// Click implements Clicked.
func (o *overview) Click(line int) {
	if n := line - o.above; o.found != nil && n >= 0 && n < len(o.found.Attention) {
		o.at = n
	}
}

// click puts the cursor on the row of a line beneath the titles.
func (g *grid) click(line int) {
	if n := g.top + line - 1; line > 0 && n < len(g.shown) {
		g.move(n - g.at)
	}
}
