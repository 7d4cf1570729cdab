package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Problem is an error as it leaves (RFC 9457), with the members that existing
// clients read besides.
type Problem struct {
	Type       string              `json:"type" doc:"A stable name of the sort of problem"`
	Title      string              `json:"title"`
	Status     int                 `json:"status"`
	Detail     string              `json:"detail" doc:"A sentence for people; it never repeats a rejected value"`
	Code       string              `json:"code" doc:"For programs: INVALID, NOT_FOUND, …"`
	Message    string              `json:"message" doc:"The same as detail"`
	ErrorCode  string              `json:"error" doc:"The same as code"`
	RequestID  string              `json:"requestId"`
	RetryAfter int                 `json:"retryAfter,omitempty" doc:"Seconds"`
	Problems   []platform.Problem  `json:"problems,omitempty" doc:"The fields that are wrong"`
	Conflicts  []platform.Conflict `json:"conflicts,omitempty" doc:"The resources that are not as a plan expected"`
}

const problemTypes = "https://flowcatalyst.example.com/problems/"

func newProblem(status int, code, detail string) *Problem {
	return &Problem{
		Type: problemTypes + strings.ReplaceAll(strings.ToLower(code), "_", "-"), Title: http.StatusText(status),
		Status: status, Detail: detail, Code: code, Message: detail, ErrorCode: code,
	}
}

func (p *Problem) with(requestID string) *Problem {
	p.RequestID = requestID
	return p
}

func (p *Problem) after(d time.Duration) *Problem {
	p.RetryAfter = max(1, int(math.Ceil(d.Seconds())))
	return p
}

// Error implements error, and with the two following what huma asks of an
// error that it writes.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the status to answer with.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that belong to the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// ContentType tells huma the type of the body.
func (p *Problem) ContentType(string) string { return problemJSON }

const problemJSON = "application/problem+json"

var statuses = map[platform.Code]int{
	platform.CodeInvalid:       http.StatusBadRequest,
	platform.CodeForbidden:     http.StatusForbidden,
	platform.CodeNotFound:      http.StatusNotFound,
	platform.CodeExists:        http.StatusConflict,
	platform.CodeInUse:         http.StatusConflict,
	platform.CodeProtected:     http.StatusConflict,
	platform.CodeNotOwned:      http.StatusConflict,
	platform.CodeStalePlan:     http.StatusConflict,
	platform.CodeConflict:      http.StatusConflict,
	platform.CodePrecondition:  http.StatusPreconditionFailed,
	platform.CodeBusy:          http.StatusServiceUnavailable,
	platform.CodeTooMuch:       http.StatusTooManyRequests,
	platform.CodeBadLogin:      http.StatusUnauthorized,
	platform.CodeTooManyLogins: http.StatusTooManyRequests,
	platform.CodeProvider:      http.StatusBadGateway,
}

// problemOf is the one place where errors become statuses. What the caller
// can not act on says only under which id the log has its cause.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		c := *p
		return &c
	}
	var refused *platform.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &refused):
		p = newProblem(statuses[refused.Code], string(refused.Code), refused.Detail)
		p.Problems, p.Conflicts = refused.Problems, refused.Conflicts
		if refused.RetryAfter > 0 {
			p.after(refused.RetryAfter)
		} else if refused.Code == platform.CodeBusy {
			p.after(time.Second)
		}
		if len(p.Problems) > 0 {
			p.Detail += ": " + p.Problems[0].String()
			p.Message = p.Detail
		}
		return p
	case errors.As(err, &tooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, "TOO_LARGE", fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit))
	case errors.Is(err, context.DeadlineExceeded):
		return newProblem(http.StatusServiceUnavailable, "UNAVAILABLE", "the store took too long, and whether it did this is not known; asking again is safe with a deduplication id or an idempotency key").after(5 * time.Second)
	case errors.Is(err, auth.ErrBusy):
		return newProblem(http.StatusServiceUnavailable, "BUSY", "too many passwords are being checked; try again in a moment").after(2 * time.Second)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return newProblem(http.StatusServiceUnavailable, "UNAVAILABLE", "the store can not do this now, and nothing was accepted; try again later").after(5 * time.Second)
	case errors.Is(err, store.ErrNotFound):
		return newProblem(http.StatusNotFound, "NOT_FOUND", "there is no such thing")
	case errors.Is(err, context.Canceled):
		return newProblem(statusGone, "CANCELED", "the client went away")
	}
	return newProblem(http.StatusInternalServerError, "INTERNAL_ERROR", "something went wrong here; the log has the cause under this request id")
}

// statusGone is what the log and the metrics see of a client that did not
// wait for its answer.
const statusGone = 499

// problem turns an error into what leaves, and logs what does not.
func (s *server) problem(r *http.Request, requestID string, err error) *Problem {
	p := problemOf(err).with(requestID)
	switch {
	case p.Status == http.StatusServiceUnavailable:
		s.log.Warn("request not served", "request_id", requestID, "method", r.Method, "route", r.Pattern, "error", err)
	case p.Status == http.StatusInternalServerError:
		s.log.Error("request failed", "request_id", requestID, "method", r.Method, "route", r.Pattern, "error", err)
	}
	return p
}

// fail writes an error as the answer of a plain handler.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problem(r, w.Header().Get(requestIDHeader), err)
	h := w.Header()
	for name, values := range p.GetHeaders() {
		h[name] = values
	}
	h.Set("Content-Type", problemJSON)
	body, err := json.Marshal(p)
	if err != nil {
		s.log.Error("problem can not be written", "request_id", p.RequestID, "error", err)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // whoever is gone is gone
}
