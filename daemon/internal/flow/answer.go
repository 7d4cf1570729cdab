package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Exchange is what came of one request, before it is judged.
type Exchange struct {
	// Status is the answer's; 0 says that there was no whole answer, and
	// then Failure and Problem say why.
	Status     int
	RetryAfter string // the header as it came
	Location   string // the header as it came
	// Body is the beginning of the answer, and Complete says that it is all
	// of it.
	Body     []byte
	Complete bool

	Failure ErrorType
	Problem string // a sentence for the operator
}

// The limits of what a receiver may ask for.
const (
	MaxDelay     = 24 * time.Hour
	MinDefer     = time.Second
	DefaultDefer = 30 * time.Second
)

// Judge fills in what the exchange means for the job: verdict, delay, error
// and warning. The job is as Start gave it. Nothing else of the attempt is
// read or written.
func (a *Attempt) Judge(j *Job, x *Exchange, now time.Time) {
	a.Status = x.Status
	a.Delay, a.Warn, a.PauseSubject = 0, false, false
	switch s := x.Status; {
	case s == 0:
		a.judgeFailure(x)
	case s >= 200 && s < 300:
		a.judgeDelivered(x)
	case s == 429:
		a.Delay = retryAfter(x.RetryAfter, now)
		a.set(Throttled, ErrorRateLimited, throttledText(a.Delay))
	case retriedOn(j, s):
		a.Delay = retryAfterOf(x, now)
		a.set(Retry, kindOf(s), statusText(s)+"; the subscription's retry_on says to try again")
	case s < 400:
		a.set(Reject, ErrorConfiguration, redirectText(x))
		a.Warn = true
	case s == 410:
		a.set(Gone, ErrorClient, "410 Gone: the receiver says that this endpoint is gone for good. The subscription is paused; change its target or delete it")
		a.Warn, a.PauseSubject = true, true
	case rejected(s):
		a.set(Reject, ErrorConfiguration, statusText(s)+": "+rejectedAdvice(s))
		a.Warn = true
	default:
		a.Delay = retryAfterOf(x, now)
		a.set(Retry, kindOf(s), retryText(s))
		// A warning at the first of a row: who looks at it knows by then.
		a.Warn = s < 500 && s != 408 && s != 425 && j.LastError != a.Error
	}
}

func (a *Attempt) set(v Verdict, t ErrorType, text string) {
	a.Verdict, a.ErrorType, a.Error = v, t, text
}

func (a *Attempt) judgeFailure(x *Exchange) {
	switch x.Failure {
	case ErrorEgressDenied, ErrorConfiguration:
		a.set(Reject, x.Failure, x.Problem)
		a.Warn = true
	case ErrorNone:
		a.set(Retry, ErrorUnknown, "there was no answer")
	default:
		a.set(Retry, x.Failure, x.Problem)
	}
}

func (a *Attempt) judgeDelivered(x *Exchange) {
	delay, deferred := deferral(x)
	if !deferred {
		a.set(Delivered, ErrorNone, "")
		return
	}
	a.Delay = delay
	a.set(Deferred, ErrorNone, fmt.Sprintf("the receiver answered %d with ack:false and wants the delivery again in %s", x.Status, delay))
}

// MayDefer says that the beginning of an answer could become one with
// ack:false, so that it must be read to its end. White space alone could.
func MayDefer(body []byte) bool {
	for _, c := range body {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c == '{'
	}
	return true
}

// deferral finds ack:false in a body. Nearly every body is sorted out by
// looking for two words, without decoding; what is not a JSON object, or not
// wholly here, asks for nothing.
func deferral(x *Exchange) (time.Duration, bool) {
	if !x.Complete || !bytes.Contains(x.Body, []byte(`"ack"`)) ||
		!bytes.Contains(x.Body, []byte("false")) || !MayDefer(x.Body) {
		return 0, false
	}
	// A map, because fields of a struct would match in any case.
	var m map[string]json.RawMessage
	if json.Unmarshal(x.Body, &m) != nil || string(m["ack"]) != "false" {
		return 0, false
	}
	var seconds float64
	if raw := m["delaySeconds"]; len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, &seconds) != nil {
		return DefaultDefer, true
	}
	if seconds >= MaxDelay.Seconds() {
		return MaxDelay, true
	}
	return max(MinDefer, time.Duration(seconds*float64(time.Second))), true
}

// retryAfterOf is the delay that an answer asks for where DESIGN lets it.
func retryAfterOf(x *Exchange, now time.Time) time.Duration {
	if x.Status != 503 && x.Status != 429 {
		return 0
	}
	return retryAfter(x.RetryAfter, now)
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3): seconds or a date, at most
// a day from now. 0 is none, one in the past, or one that cannot be read.
func retryAfter(v string, now time.Time) time.Duration {
	v = strings.TrimSpace(v)
	if v == "" {
		return 0
	}
	if strings.Trim(v, "0123456789") == "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n >= int64(MaxDelay/time.Second) {
			return MaxDelay // more digits than a number has are a long time too
		}
		return time.Duration(n) * time.Second
	}
	// The three forms of a date in RFC 9110 §5.6.7; all are GMT.
	for _, layout := range [...]string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if t, err := time.Parse(layout, v); err == nil {
			return min(max(t.Sub(now), 0), MaxDelay)
		}
	}
	return 0
}

func retriedOn(j *Job, status int) bool { return slices.Contains(j.Policy.RetryOn, status) }

// rejected says that repeating the same request is of no use.
func rejected(status int) bool {
	switch status {
	case 400, 405, 406, 411, 413, 414, 415, 422, 501:
		return true
	}
	return false
}

func kindOf(status int) ErrorType {
	if status >= 500 {
		return ErrorServer
	}
	return ErrorClient
}
