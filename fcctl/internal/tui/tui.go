package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/tui/quiet"
)

func init() { quiet.End() }

// Options make a screen. Client is required.
type Options struct {
	Client  *client.Client
	Context string // its name, empty without one
	// Contexts are the servers one may switch to by Switch.
	Contexts func() []string
	Switch   func(name string) (*client.Client, error)
	// Login signs in again with a password when the session has ended; nil
	// where that can not be done here.
	Login func(ctx context.Context, password string) error
	// Again is what to do when the session has ended and there is no Login.
	Again    string
	In       io.Reader
	Out      io.Writer
	Colour   bool
	ReadOnly bool
	// Mouse takes the mouse, which the terminal then has no more for copying.
	Mouse bool
	Now   func() time.Time
}

func (o *Options) copy(text string) {
	_, _ = io.WriteString(o.Out, ansi.SetSystemClipboard(text))
}

// Run shows the screen until the person leaves it or ctx ends. The terminal is
// as it was afterwards, even after a panic, which is a Failure.
func Run(ctx context.Context, o Options) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return run(ctx, newRoot(ctx, o))
}

func run(ctx context.Context, r *root) error {
	s := &shield{root: r}
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(r.o.In), tea.WithOutput(r.o.Out), tea.WithAltScreen(), tea.WithFPS(20)}
	if r.o.Mouse {
		options = append(options, tea.WithMouseCellMotion())
	}
	program := tea.NewProgram(s, options...)
	r.send, r.streams = program.Send, map[Page]func(){}
	r.watch()
	_, err := program.Run()
	switch {
	case s.failure != nil:
		return s.failure
	case err != nil && !errors.Is(err, tea.ErrProgramKilled):
		return fmt.Errorf("show the screen: %w", err)
	}
	return nil
}
