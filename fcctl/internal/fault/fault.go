// Package fault is how fcctl fails: what went wrong, with which exit code, and
// what to type next.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/flowcatalyst/fc/client"
)

// Fault is an error with an exit code and a next step.
type Fault struct {
	Code int
	Err  error
	Try  string
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Usage is a mistake in what was typed.
func Usage(message, try string) error {
	return &Fault{Misused, errors.New(message), try}
}

// New makes a fault. The format is that of fmt.Errorf.
func New(code int, try, format string, args ...any) error {
	return &Fault{code, fmt.Errorf(format, args...), try}
}

// Exit ends with a code and nothing more to say: it has been said.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Judge gives an error its sentence, its exit code and a next step.
func Judge(err error) (message string, code int, try string) {
	var f *Fault
	if errors.As(err, &f) {
		return err.Error(), f.Code, f.Try
	}
	if errors.Is(err, client.ErrSessionOver) {
		return "the session is over", Refused, "fcctl login"
	}
	var e *client.Error
	if !errors.As(err, &e) {
		message, try = err.Error(), ""
		var op *net.OpError
		switch {
		case client.MaybeDone(err) && !errors.Is(err, http.ErrSchemeMismatch):
			return "no answer came, so that it has been done or not: " + message, Failed, "to look before you repeat it"
		case errors.Is(err, syscall.ECONNREFUSED):
			return message + ": is fcd running?", Failed, "fcd dev"
		case errors.Is(err, http.ErrSchemeMismatch):
			return message + "; the server does not speak TLS at this address", Failed, "http:// instead of https://, if the way to it is safe"
		case errors.As(err, &op) && op.Op == "dial":
			return message, Failed, "fcctl context show, for the address that is used"
		case errors.Is(err, context.DeadlineExceeded):
			return message, Failed, "again; the server did not answer in time"
		}
		return message, Failed, ""
	}
	message = e.Message
	if len(e.Problems) > 0 || len(e.Conflicts) > 0 {
		message += ":"
	}
	switch e.Status {
	case http.StatusUnauthorized:
		switch e.Path {
		case "/auth/login":
			return message, Refused, ""
		case "/oauth/token":
			return message, Refused, "FCCTL_CLIENT_ID and FCCTL_CLIENT_SECRET of an OAuth client that is active"
		case "/auth/bootstrap":
			return message, Refused, "the token of the last start, in the log of fcd"
		}
		return "not logged in: " + message, Refused, "fcctl login"
	case http.StatusForbidden:
		return message, Refused, "fcctl login, as somebody who may"
	case http.StatusNotFound:
		message, try = missing(e)
		return message, NotFound, try
	case http.StatusConflict, http.StatusPreconditionFailed:
		if e.Code == client.CodeStalePlan {
			return message, Conflict, "fcctl plan, and look at it again"
		}
		return message, Conflict, ""
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if e.RetryAfter > 0 {
			return message, Failed, fmt.Sprintf("again in %s", e.RetryAfter)
		}
		return message, Failed, "again in a moment"
	}
	if e.Status == http.StatusBadRequest {
		return message, Failed, ""
	}
	return fmt.Sprintf("the server answered %d: %s", e.Status, message), Failed, ""
}
