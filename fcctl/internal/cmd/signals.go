package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"golang.org/x/term"
)

// stoppable is a context that the first SIGINT or SIGTERM ends. A second one
// ends the process, for whoever does not want to wait.
func stoppable(parent context.Context) context.Context {
	ctx, stop := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		s := <-signals
		signal.Stop(signals)
		stop(fault.Signal{Signal: s})
	}()
	return ctx
}

// readPassword reads a line without echo. An interrupt gives the terminal its
// echo back.
func readPassword(ctx context.Context) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		b, err := term.ReadPassword(fd)
		read <- line{b, err}
	}()
	select {
	case l := <-read:
		return string(l.text), l.err
	case <-ctx.Done():
		_ = term.Restore(fd, before) // it is left in any case
		return "", ctx.Err()
	}
}
