package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// The codes that a caller most often asks for.
const (
	CodeInvalid         = "INVALID"
	CodeUnauthenticated = "UNAUTHENTICATED"
	CodeForbidden       = "FORBIDDEN"
	CodeNotFound        = "NOT_FOUND"
	CodeAlreadyExists   = "ALREADY_EXISTS"
	CodeInUse           = "IN_USE"
	CodeProtected       = "PROTECTED"
	CodeStalePlan       = "STALE_PLAN"
	CodeNotOwned        = "NOT_OWNED"
	CodeUnavailable     = "UNAVAILABLE"
)

// Error is what the server refused, and why (RFC 9457).
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code is stable and for programs: "ALREADY_EXISTS".
	Code string
	// Message is a sentence for people. It never repeats a rejected value.
	Message string
	// Problems are the fields that were wrong.
	Problems []Problem
	// Conflicts are what stands in the way of an apply.
	Conflicts []Conflict
	// RequestID finds the request in the server's log.
	RequestID string
	// RetryAfter is how long the server asked to wait; 0 if it did not.
	RetryAfter time.Duration
	// Method and Path are the request's.
	Method, Path string
}

// Problem is one field that was wrong. In an apply it also says of which
// resource.
type Problem struct {
	Kind   resource.Kind `json:"kind,omitempty"`
	Code   string        `json:"code,omitempty"`
	Field  string        `json:"field"`
	Detail string        `json:"detail"`
	Try    string        `json:"try,omitempty"`
}

// Conflict is one resource that is not as the plan of an apply expected.
type Conflict struct {
	Kind   resource.Kind `json:"kind"`
	Code   string        `json:"code"`
	Detail string        `json:"detail"`
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d", e.Method, e.Path, e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	for _, p := range e.Problems {
		b.WriteString("; " + p.String())
	}
	for _, c := range e.Conflicts {
		b.WriteString("; " + c.String())
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// String is "connection hooks: url: must be an absolute URL (try: …)".
func (p Problem) String() string {
	s := resource.Problem{Field: p.Field, Detail: p.Detail, Try: p.Try}.String()
	if p.Field == "" {
		s = strings.TrimPrefix(s, ": ")
	}
	if p.Code == "" {
		return s
	}
	return title(p.Kind) + " " + p.Code + ": " + s
}

// String is "connection hooks: has changed since the plan".
func (c Conflict) String() string { return title(c.Kind) + " " + c.Code + ": " + c.Detail }

func title(k resource.Kind) string {
	if info, ok := resource.InfoOf(k); ok {
		return info.Title
	}
	return string(k)
}

// StatusOf is the HTTP status that err carries, or 0.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// MaybeDone says that a request which changes something may have reached the
// server, although no answer came: it has been done or not, and only a look
// tells which.
func MaybeDone(err error) bool {
	var lost *connectionError
	if errors.As(err, &lost) {
		return lost.method != http.MethodGet && lost.method != http.MethodHead && !lost.unsent()
	}
	var e *Error
	return errors.As(err, &e) && e.Method != http.MethodGet && e.Method != http.MethodHead &&
		(e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout)
}

// problemBody is application/problem+json with this platform's additions. The
// two lists of fields have carried different shapes over time.
type problemBody struct {
	Title     string          `json:"title"`
	Detail    string          `json:"detail"`
	Code      string          `json:"code"`
	Message   string          `json:"message"`
	Error     json.RawMessage `json:"error"`
	ErrorText string          `json:"error_description"` // of OAuth (RFC 6749 §5.2)
	RequestID string          `json:"requestId"`
	Problems  json.RawMessage `json:"problems"`
	Errors    json.RawMessage `json:"errors"`
	Conflicts []Conflict      `json:"conflicts"`
}

func newError(k call, res *http.Response, body []byte) *Error {
	e := &Error{Status: res.StatusCode, Method: k.method, Path: k.path, RetryAfter: retryAfter(res.Header, time.Now())}
	var p problemBody
	if json.Unmarshal(body, &p) != nil {
		// Something between us and the platform answered: a proxy's page
		// says little, its status says enough.
		e.Message = http.StatusText(res.StatusCode)
		return e
	}
	e.Code, e.RequestID, e.Conflicts = p.Code, p.RequestID, p.Conflicts
	var text string
	_ = json.Unmarshal(p.Error, &text) // left empty when it is an object
	if e.Code == "" {
		e.Code = text
	}
	for _, s := range []string{p.Detail, p.Message, p.ErrorText, text, p.Title, http.StatusText(res.StatusCode)} {
		if s != "" {
			e.Message = s
			break
		}
	}
	for _, list := range []json.RawMessage{p.Problems, p.Errors} {
		if len(e.Problems) == 0 && json.Unmarshal(list, &e.Problems) != nil {
			e.Problems = nil
		}
	}
	if len(e.Problems) > 0 {
		// The sentence may end with the first of them, which is said below.
		first := resource.Problem{Field: e.Problems[0].Field, Detail: e.Problems[0].Detail, Try: e.Problems[0].Try}
		e.Message = strings.TrimSuffix(e.Message, ": "+first.String())
	}
	if e.RequestID == "" {
		e.RequestID = res.Header.Get("X-Request-Id")
	}
	return e
}

// retryAfter reads seconds or a date (RFC 9110 §10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	s := h.Get("Retry-After")
	if n, err := strconv.Atoi(s); err == nil {
		return max(0, time.Duration(n)*time.Second)
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// connectionError says that there was no answer.
type connectionError struct {
	method, url string
	err         error
}

func (e *connectionError) Error() string {
	inner := e.err
	var u *url.Error
	if errors.As(inner, &u) {
		// It would repeat method and URL.
		inner = u.Err
	}
	return fmt.Sprintf("%s %s: %v", e.method, e.url, inner)
}

func (e *connectionError) Unwrap() error { return e.err }

// unsent says that the server cannot have seen the request.
func (e *connectionError) unsent() bool {
	var op *net.OpError
	return errors.Is(e.err, syscall.ECONNREFUSED) || errors.As(e.err, &op) && op.Op == "dial"
}
