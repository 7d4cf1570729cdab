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
	Login    func(ctx context.Context, password string) error
	In       io.Reader
	Out      io.Writer
	Colour   bool
	ReadOnly bool
	Mouse    bool
	Now      func() time.Time
}

func (o *Options) copy(text string) {
	_, _ = io.WriteString(o.Out, ansi.SetSystemClipboard(text))
}

// Run shows the screen until the person leaves it or ctx ends. The terminal is
// as it was afterwards, even after a panic.
func Run(ctx context.Context, o Options) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := newRoot(ctx, o)
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithAltScreen(), tea.WithFPS(20)}
	program := tea.NewProgram(r, options...)
	r.send = program.Send
	r.watch()
	_, err := program.Run()
	switch {
	case errors.Is(err, tea.ErrProgramPanic):
		return errors.New("the screen has failed, which should not happen; please report what is above")
	case err != nil && !errors.Is(err, tea.ErrProgramKilled):
		return fmt.Errorf("show the screen: %w", err)
	}
	return nil
}
