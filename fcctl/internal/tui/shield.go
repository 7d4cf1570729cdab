package tui

import (
	"fmt"
	"runtime/debug"

	tea "github.com/charmbracelet/bubbletea"
)

// Failure is a mistake of the screen itself: a panic, and where.
type Failure struct {
	Page  string
	What  any
	Stack []byte
}

func (f *Failure) Error() string {
	return fmt.Sprintf("the screen has made a mistake of its own on the page %q: %v\n\n%s", f.Page, f.What, f.Stack)
}

// shield stands before the screen: a panic of a page ends the screen in good
// order, and is told when the terminal is as it was. Printed before, it would go
// with the screen.
type shield struct {
	*root
	failure *Failure
}

// Init implements tea.Model.
func (s *shield) Init() tea.Cmd { return s.guard(s.root.Init()) }

// Update implements tea.Model.
func (s *shield) Update(msg tea.Msg) (_ tea.Model, cmd tea.Cmd) {
	defer func() {
		if p := recover(); p != nil {
			cmd = s.fail(p, debug.Stack())
		}
	}()
	if f, is := msg.(*Failure); is {
		return s, s.fail(f.What, f.Stack)
	}
	_, cmd = s.root.Update(msg)
	return s, s.guard(cmd)
}

// View implements tea.Model.
func (s *shield) View() (view string) {
	defer func() {
		if p := recover(); p != nil {
			// Whoever draws can not end the screen: a message can.
			go s.send(&Failure{What: p, Stack: debug.Stack()})
		}
	}()
	if s.failure != nil {
		return ""
	}
	return s.root.View()
}

// fail remembers the first failure, and ends.
func (s *shield) fail(what any, stack []byte) tea.Cmd {
	if s.failure == nil {
		s.failure = &Failure{s.page().Name(), what, stack}
	}
	return tea.Quit
}

// guard makes a panic beside the screen a message to it.
func (s *shield) guard(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() (msg tea.Msg) {
		defer func() {
			if p := recover(); p != nil {
				msg = &Failure{What: p, Stack: debug.Stack()}
			}
		}()
		msg = cmd()
		if many, is := msg.(tea.BatchMsg); is {
			for i := range many {
				many[i] = s.guard(many[i])
			}
		}
		return msg
	}
}
