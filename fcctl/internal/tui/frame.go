package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// least is the smallest screen on which anything can be seen.
const (
	leastWidth  = 60
	leastHeight = 12
)

// aboveBody is how many lines the frame has above a page.
const aboveBody = 3

// View implements tea.Model.
func (r *root) View() string {
	if r.width == 0 {
		return ""
	}
	if r.width < leastWidth || r.height < leastHeight {
		return fmt.Sprintf("This window has %d×%d;\nthe screen needs %d×%d.", r.width, r.height, leastWidth, leastHeight)
	}
	body := r.height - aboveBody - 1
	var text string
	if r.mode == toHelp {
		text = r.help(r.width, body)
	} else {
		text = r.page().View(r.width, body)
	}
	// The crumbs say where the page stands, which it knows now.
	lines := append([]string{r.header(), r.crumbs(), r.input()}, block(text, r.width, body)...)
	lines = append(lines, r.footer())
	return strings.Join(lines, "\n")
}

// block makes a text exactly so wide and high.
func block(text string, width, height int) []string {
	lines := strings.Split(text, "\n")
	if len(lines) > height {
		lines = lines[:height]
	}
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, width, "…")
	}
	for len(lines) < height {
		lines = append(lines, "")
	}
	return lines
}

// header says where this is, who is here, and how the connection is.
func (r *root) header() string {
	p := r.desk.palette
	left := "fcctl"
	if r.desk.context != "" {
		left += "  " + r.desk.context
	}
	left += "  " + r.desk.URL()
	if r.who != "" {
		left += "  " + clean(r.who)
	}
	if r.o.ReadOnly {
		left += "  read-only"
	}
	state, t := r.connection()
	room := r.width - ansi.StringWidth(state) - 2
	return p.paint(strong, fill(left, room)) + "  " + p.paint(t, state)
}

// connection is how it is in a few words.
func (r *root) connection() (string, tone) {
	now := r.desk.now()
	switch {
	case r.lost != nil && signedOut(r.lost):
		return "✗ signed out", bad
	case r.lost != nil && !r.heard.IsZero():
		return fmt.Sprintf("✗ lost for %s", age(now.Sub(r.since))), bad
	case r.lost != nil:
		return "✗ no answer", bad
	case r.heard.IsZero():
		return "… connecting", careful
	}
	if old := now.Sub(r.heard); old > 10*time.Second {
		return fmt.Sprintf("… as of %s ago", age(old)), careful
	}
	return "● live", good
}

// crumbs say how one came here, and how much there is.
func (r *root) crumbs() string {
	names := make([]string, len(r.pages))
	for i, p := range r.pages {
		names[i] = clean(p.Name())
	}
	s := " " + strings.Join(names, " › ")
	if c, is := r.page().(interface{ Count() string }); is && c.Count() != "" {
		s += "  (" + c.Count() + ")"
	}
	if f, is := r.page().(Filtered); is && f.Filtering() != "" && r.mode != toFilter {
		s += "  /" + clean(f.Filtering())
	}
	return r.desk.paint(link, fill(s, r.width))
}

// input is the line for commands, questions and what is to be said.
func (r *root) input() string {
	p := r.desk.palette
	switch r.mode {
	case toCommand:
		fit := r.line.fitting(r.commands())
		hint := ""
		if len(fit) > 0 && !(len(fit) == 1 && fit[0] == r.line.text) {
			hint = "   " + strings.Join(fit[:min(8, len(fit))], "  ")
		}
		text := ":" + ansi.TruncateLeft(r.line.shown(), max(0, ansi.StringWidth(r.line.shown())+1-r.width), "")
		return text + p.paint(faint, ansi.Truncate(hint, max(0, r.width-ansi.StringWidth(text)), "…"))
	case toFilter:
		text := "/" + ansi.TruncateLeft(r.line.shown(), max(0, ansi.StringWidth(r.line.shown())+1-r.width), "")
		hint, t := "a regular expression; ! in front: what does not have it", faint
		if _, err := newFilter(r.line.text); err != nil {
			hint, t = clean(err.Error()), careful
		}
		return text + p.paint(t, ansi.Truncate("   "+hint, max(0, r.width-ansi.StringWidth(text)), "…"))
	case toPassword:
		asked := "Signed out"
		if r.wrong != "" {
			asked = ansi.Truncate(r.wrong, r.width/2, "…")
		}
		asked += ". Password: "
		return asked + ansi.TruncateLeft(r.line.shown(), max(0, ansi.StringWidth(asked+r.line.shown())-r.width), "")
	case toReason:
		text := clean(r.question.question) + " " + r.question.reason + ": "
		return p.paint(careful, text) + ansi.TruncateLeft(r.line.shown(), max(0, ansi.StringWidth(text+r.line.shown())-r.width), "")
	case toQuestion:
		return p.paint(careful, fill(clean(r.question.question)+"  y does it, any other key does not", r.width))
	}
	if r.lost != nil {
		text := "trying again: " + plainError(r.lost)
		switch {
		case signedOut(r.lost) && r.o.Login != nil:
			text = "ctrl+r asks for the password: " + plainError(r.lost)
		case signedOut(r.lost):
			text = r.o.Again + ": " + plainError(r.lost)
		}
		return p.paint(bad, fill("  "+clean(text), r.width))
	}
	if r.desk.now().Before(r.noteUntil) {
		return p.paint(r.noteTone, fill("  "+r.note, r.width))
	}
	return ""
}

// footer has the keys of the page as far as they fit, and its command.
func (r *root) footer() string {
	p := r.desk.palette
	command := clean(r.page().Equivalent())
	var keys []string
	for _, k := range r.page().Keys() {
		if !(r.o.ReadOnly && k.writes) {
			keys = append(keys, k.name+" "+k.does)
		}
	}
	keys = append(keys, "? help")
	room := r.width - min(ansi.StringWidth(command), r.width*2/5) - 2
	left := ""
	for i, k := range keys {
		with := left + "  " + k
		if i == 0 {
			with = k
		}
		// The help is always among them: it has the others.
		if i < len(keys)-1 && ansi.StringWidth(with)+len("  … ? help") > room {
			left += "  … ? help"
			break
		}
		left = with
	}
	left = fill(left, min(room, r.width))
	return p.paint(faint, left+"  "+fit(command, max(0, r.width-ansi.StringWidth(left)-2), true))
}

// help lists what the keys do.
func (r *root) help(width, height int) string {
	p := r.desk.palette
	var b strings.Builder
	section := func(title string, keys []key) {
		b.WriteString(p.paint(strong, "  "+title) + "\n")
		for _, k := range keys {
			does := k.does
			if k.writes && r.o.ReadOnly {
				does += " (not on a read-only screen)"
			}
			b.WriteString("    " + fill(k.name, 12) + does + "\n")
		}
	}
	if ks := r.page().Keys(); len(ks) > 0 {
		section("here: "+clean(r.page().Name()), ks)
	}
	if _, is := r.page().(interface{ Unmark() }); is {
		section("tables", tableKeys)
	}
	section("everywhere", []key{
		{name: "esc q", does: "back; q on the overview ends"}, {name: "/", does: "filter"}, {name: ":", does: "go to a page, tab completes"},
		{name: "Y", does: "copy the command of the last action, or of this page"}, {name: "ctrl+r", does: "read again now"}, {name: "ctrl+c", does: "end"},
	})
	left := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if width < 110 { // names alone
		names := make([]string, 0, len(places())+1)
		for _, at := range places() {
			names = append(names, ":"+at.names[0])
		}
		out := append(left, p.paint(strong, "  pages"))
		for _, l := range wrap(strings.Join(append(names, ":ctx"), " "), width-6) {
			out = append(out, "    "+l)
		}
		return r.scrolled(out, height)
	}
	right := []string{p.paint(strong, "pages")}
	for _, at := range places() {
		right = append(right, "  "+fill(":"+at.names[0], 16)+at.says)
	}
	right = append(right, "  "+fill(":ctx NAME", 16)+"another server")
	half := width / 2
	var out []string
	for i := range max(len(left), len(right)) {
		l, rt := "", ""
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			rt = right[i]
		}
		out = append(out, l+strings.Repeat(" ", max(1, half-ansi.StringWidth(l)))+rt)
	}
	return r.scrolled(out, height)
}

// scrolled is as much of a help as fits, from where one has gone to.
func (r *root) scrolled(lines []string, height int) string {
	r.helpAt = max(0, min(r.helpAt, len(lines)-height+1))
	if len(lines) <= height || height < 2 {
		return strings.Join(lines, "\n")
	}
	more := "  ↓ for more"
	if r.helpAt+height-1 >= len(lines) {
		more = "  ↑ goes back up"
	}
	return strings.Join(append(slices.Clone(lines[r.helpAt:r.helpAt+height-1]), r.desk.paint(faint, more)), "\n")
}

// age is a time as people say it: 12s, 4m, 3h, 2d.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
