package tui

import (
	"context"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// typed takes keys. Those that were read at once, as from a key that is held or
// over a slow line, come as one; each counts, and the next after what the last
// one opened. What was pasted is keys only where text is asked for.
func (r *root) typed(m tea.KeyMsg) tea.Cmd {
	if m.Type == tea.KeyEsc && m.Alt { // two of them that came at once
		return tea.Batch(r.press(tea.KeyMsg{Type: tea.KeyEsc}), r.press(tea.KeyMsg{Type: tea.KeyEsc}))
	}
	if m.Type != tea.KeyRunes || len(m.Runes) < 2 || m.Paste && !r.typing() || m.Alt {
		return r.press(m)
	}
	for i, c := range m.Runes {
		cmd := r.press(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{c}})
		if cmd == nil {
			continue
		}
		if rest := m.Runes[i+1:]; len(rest) > 0 {
			return func() tea.Msg { return keysAfter{cmd(), rest} }
		}
		return cmd
	}
	return nil
}

// typing says whether the page on the screen is one to type into.
func (r *root) typing() bool {
	t, is := r.page().(interface{ Typing() bool })
	return r.mode == toPage && is && t.Typing()
}

// press takes a key to whom it belongs.
func (r *root) press(m tea.KeyMsg) tea.Cmd {
	k := m.String()
	if k == "ctrl+c" {
		return tea.Quit
	}
	switch r.mode {
	case toHelp:
		switch k {
		case "down", "j":
			r.helpAt++
		case "up", "k":
			r.helpAt--
		case "pgdown", " ":
			r.helpAt += 10
		case "pgup":
			r.helpAt -= 10
		default:
			r.mode, r.helpAt = toPage, 0
		}
		return nil
	case toQuestion:
		return r.answer(k)
	case toCommand, toFilter, toPassword, toReason:
		return r.edit(m)
	}
	if r.typing() && k != "esc" {
		cmd, _ := r.page().Key(k)
		return cmd
	}
	switch k {
	case "q":
		if len(r.pages) == 1 {
			return tea.Quit
		}
		r.back()
		return nil
	case "esc":
		if f, is := r.page().(Filtered); is && f.Filtering() != "" {
			_ = f.Filter("")
			return nil
		}
		r.back()
		return nil
	case ":":
		r.mode, r.line = toCommand, prompt{}
		return nil
	case "/":
		if f, is := r.page().(Filtered); is {
			r.mode, r.line = toFilter, prompt{text: f.Filtering()}
		}
		return nil
	case "?":
		r.mode = toHelp
		return nil
	case "ctrl+r":
		r.declined = false
		r.reading[r.page()] = false
		r.refollow(r.page())
		return r.read(r.page())
	case "y":
		return r.copy()
	case "Y":
		return r.clip(nameOf(r.ran, r.page().Equivalent()))
	}
	if r.o.ReadOnly && r.writes(k) {
		r.say(careful, "this screen only reads; start it without --read-only to change something")
		return nil
	}
	cmd, _ := r.page().Key(k)
	return cmd
}

func (r *root) writes(k string) bool {
	for _, known := range r.page().Keys() {
		if known.writes && slices.Contains(strings.Fields(known.name), k) {
			return true
		}
	}
	return false
}

// copy puts the name of what is chosen into the clipboard, by OSC 52, which
// terminals pass on even from far away.
func (r *root) copy() tea.Cmd {
	c, is := r.page().(interface{ Copy() string })
	if !is || c.Copy() == "" {
		return nil
	}
	return r.clip(c.Copy())
}

func (r *root) clip(text string) tea.Cmd {
	r.say(plain, "copied %s", strings.ReplaceAll(text, "\n", " "))
	return func() tea.Msg { r.o.copy(text); return nil }
}

// answer takes y or anything else to a question.
func (r *root) answer(k string) tea.Cmd {
	q := r.question
	r.question, r.mode = nil, toPage
	if k != "y" && k != "Y" {
		r.say(plain, "nothing was done")
		return nil
	}
	return act(r.desk, q.page, q.command, q.do)
}

// edit takes a key to the line at the top.
func (r *root) edit(m tea.KeyMsg) tea.Cmd {
	switch m.String() {
	case "esc":
		if r.mode == toFilter {
			_ = r.page().(Filtered).Filter("")
		}
		r.declined = r.mode == toPassword
		r.mode = toPage
		return nil
	case "enter":
		mode, text := r.mode, r.line.text
		r.mode = toPage
		switch mode {
		case toCommand:
			return r.command(text)
		case toFilter:
			if err := r.page().(Filtered).Filter(text); err != nil {
				r.say(careful, "%s", err)
			}
		case toPassword:
			return r.signIn(text)
		case toReason:
			q := r.question
			r.question = nil
			if strings.TrimSpace(text) == "" {
				r.say(plain, "nothing was done: it needs a reason")
				return nil
			}
			return act(r.desk, q.page, q.command, func(ctx context.Context) (string, error) { return q.with(ctx, strings.TrimSpace(text)) })
		}
		return nil
	case "tab":
		if r.mode == toCommand {
			r.line.complete(r.commands())
		}
		return nil
	}
	r.line.press(m)
	if r.mode == toFilter {
		_ = r.page().(Filtered).Filter(r.line.text) // what is wrong stands beside it
	}
	return nil
}

func (r *root) signIn(password string) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(r.desk.ctx, patience)
		defer cancel()
		return signedIn{r.o.Login(ctx, password)}
	}
}
