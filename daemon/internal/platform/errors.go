package platform

import (
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// Code is what went wrong, in one stable word for machines.
type Code string

// The codes.
const (
	CodeInvalid       Code = "INVALID"
	CodeForbidden     Code = "FORBIDDEN"
	CodeNotFound      Code = "NOT_FOUND"
	CodeExists        Code = "ALREADY_EXISTS"
	CodeInUse         Code = "IN_USE"
	CodeProtected     Code = "PROTECTED"
	CodeNotOwned      Code = "NOT_OWNED"
	CodeStalePlan     Code = "STALE_PLAN"
	CodePrecondition  Code = "PRECONDITION_FAILED"
	CodeConflict      Code = "CONFLICT"
	CodeBusy          Code = "BUSY"         // too many writers at once; try again
	CodeTooMuch       Code = "RATE_LIMITED" // a client publishes more than it may, or a connection is tested too often
	CodeBadLogin      Code = "INVALID_CREDENTIALS"
	CodeTooManyLogins Code = "TOO_MANY_REQUESTS"
	CodeProvider      Code = "PROVIDER_FAILED" // an identity provider does not answer, or not as it must
)

// Problem is one thing wrong with a request. Kind and Code name the resource
// of an apply; both are empty elsewhere.
type Problem struct {
	Kind string `json:"kind,omitempty"`
	Code string `json:"code,omitempty"`
	resource.Problem
}

// Conflict is one resource that is not as a plan expected it.
type Conflict struct {
	Kind   string `json:"kind"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error is a refusal that the caller can act on. Anything else that comes out
// of this package is trouble of the server's own.
type Error struct {
	Code      Code
	Detail    string
	Problems  []Problem
	Conflicts []Conflict
	// RetryAfter is how long to wait, where waiting helps.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	if len(e.Problems) > 0 {
		return e.Detail + ": " + e.Problems[0].String()
	}
	return e.Detail
}

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Invalid refuses a request for what is wrong with its fields.
func Invalid(detail string, problems ...resource.Problem) *Error {
	e := &Error{Code: CodeInvalid, Detail: detail}
	for _, p := range problems {
		e.Problems = append(e.Problems, Problem{Problem: p})
	}
	return e
}

func invalidField(field, detail, try string) *Error {
	return Invalid("the request has a field that can not be accepted", resource.Problem{Field: field, Detail: detail, Try: try})
}
