package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// Rows become fewer with each letter, and what is not finished takes none away.
func TestRowsAreFilteredAsOneTypes(t *testing.T) {
	s := newStage(t, 140, 30)
	p := newJobs(s.desk, jobsOf{})
	var js []client.Job
	for i, code := range []string{"shop:sales:order:placed", "shop:sales:order:paid", "crm:people:person:moved"} {
		j := exampleJob(fmt.Sprint("j", i), client.JobCompleted)
		j.Code, j.MessageGroup = code, ""
		js = append(js, j)
	}
	s.at(p, listed[client.Job]{js, false}).keys("/")
	for _, step := range []struct{ key, want string }{
		{"O", "j0 j1 j2"}, {"R", "j0 j1"}, {"D", "j0 j1"}, {"E", "j0 j1"}, {"R", "j0 j1"}, {":", "j0 j1"}, {"p", "j0 j1"},
		{"(", "j0 j1"}, // not finished
		{"a", "j0 j1"}, {"i", "j0 j1"}, {"|", "j0 j1"}, {"x", "j0 j1"},
		{")", "j1"}, {"d", "j1"}, {"$", "j1"},
	} {
		s.keys(step.key)
		if got := shown(p); got != step.want {
			t.Errorf("after %s there are %s, not %s", s.line.text, got, step.want)
		}
		if says := strings.Contains(s.View(), "is no regular expression: missing closing )"); says != (strings.Count(s.line.text, "(") > strings.Count(s.line.text, ")")) {
			t.Errorf("after %s it says that it is none: %v", s.line.text, says)
		}
	}
	s.keys("enter")
	if v := s.View(); shown(p) != "j1" || !strings.Contains(v, "(1 of 3)  /ORDER:p(ai|x)d$") || strings.Contains(v, "regular") {
		t.Errorf("with enter it does not stay:\n%s", v)
	}
	s.keys("/", "(", "enter")
	if v := s.View(); shown(p) != "j1" || !strings.Contains(v, "is no regular expression: missing closing )") || !strings.Contains(v, "  /ORDER:p(ai|x)d$") {
		t.Errorf("with enter, what is none is not said to be, or takes the place of what was:\n%s", v)
	}
	s.keys("esc")
	if got := shown(p); got != "j0 j1 j2" {
		t.Errorf("after esc there are %s", got)
	}
	for typed, want := range map[string]string{"!order": "j2", `!order:p(aid|x)$`: "j0 j2", "!": "j0 j1 j2", "PERSON": "j2", `person:moved\z`: "j2", `\.`: "", "placed.*shop": ""} {
		s.keys(append([]string{"/"}, strings.Split(typed, "")...)...)
		if got := shown(p); got != want {
			t.Errorf("with %s there are %s, not %s", typed, got, want)
		}
		s.keys("esc")
	}
}

// Keys that come in one piece, as over a slow line, are as good as others.
func TestKeysMayComeTogether(t *testing.T) {
	s := newStage(t, 140, 30)
	s.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(":events")})
	if s.mode != toCommand || s.line.text != "events" {
		t.Errorf("%q was typed, in mode %d", s.line.text, s.mode)
	}
}
