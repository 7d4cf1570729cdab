package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/flowcatalyst/fc/client"
)

// The exit codes.
const (
	exitOK       = 0
	exitError    = 1
	exitChanges  = 2 // plan -detailed-exitcode: the plan has changes
	exitRefused  = 3 // not authenticated or not allowed
	exitNotFound = 4
	exitConflict = 5 // a conflict or a stale plan
	exitPartly   = 6 // some of several failed
	exitUsage    = 64
)

// failure is an error with an exit code and a next step.
type failure struct {
	code int
	err  error
	try  string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage is a mistake in what was typed.
func usage(message, try string) error {
	return &failure{exitUsage, errors.New(message), try}
}

func fail(code int, try, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...), try}
}

// exit ends with a code and nothing more to say: it has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// report says what went wrong and what to try, and returns the exit code.
func (a *App) report(err error) int {
	if err == nil {
		return exitOK
	}
	var quiet exit
	if errors.As(err, &quiet) {
		return int(quiet)
	}
	ink := a.errInk()
	message, code, try := judge(err)
	a.say("%s %s", ink.Red("fcctl:"), message)
	var refused *client.Error
	if errors.As(err, &refused) {
		for _, p := range refused.Problems {
			a.say("  %s", p)
		}
		for _, c := range refused.Conflicts {
			a.say("  %s", c)
		}
		if refused.Status >= 500 && refused.RequestID != "" {
			a.say("  request %s, in the server's log", refused.RequestID)
		}
	}
	if try != "" {
		a.say("Try: %s", try)
	}
	return code
}

// judge gives an error its sentence, its exit code and a next step.
func judge(err error) (message string, code int, try string) {
	var f *failure
	if errors.As(err, &f) {
		return err.Error(), f.code, f.try
	}
	if errors.Is(err, client.ErrSessionOver) {
		return "the session is over", exitRefused, "fcctl login"
	}
	var e *client.Error
	if !errors.As(err, &e) {
		message, try = err.Error(), ""
		var op *net.OpError
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return message + ": is fcd running?", exitError, "fcd dev"
		case errors.As(err, &op) && op.Op == "dial":
			return message, exitError, "fcctl context show, for the address that is used"
		case errors.Is(err, context.DeadlineExceeded):
			return message, exitError, "again; the server did not answer in time"
		}
		return message, exitError, ""
	}
	message = e.Message
	if len(e.Problems) > 0 || len(e.Conflicts) > 0 {
		message += ":"
	}
	switch e.Status {
	case http.StatusUnauthorized:
		if e.Path == "/auth/login" {
			return message, exitRefused, ""
		}
		return "not logged in: " + message, exitRefused, "fcctl login"
	case http.StatusForbidden:
		return message, exitRefused, "fcctl login, as somebody who may"
	case http.StatusNotFound:
		return message, exitNotFound, ""
	case http.StatusConflict, http.StatusPreconditionFailed:
		if e.Code == client.CodeStalePlan {
			return message, exitConflict, "fcctl plan, and look at it again"
		}
		return message, exitConflict, ""
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if e.RetryAfter > 0 {
			return message, exitError, fmt.Sprintf("again in %s", e.RetryAfter)
		}
		return message, exitError, "again in a moment"
	}
	if e.Status == http.StatusBadRequest {
		return message, exitError, ""
	}
	return fmt.Sprintf("the server answered %d: %s", e.Status, message), exitError, ""
}
