package webhook

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

// The range in which FlowCatalyst takes delaySeconds.
const (
	minDelay = time.Second
	maxDelay = 24 * time.Hour
)

// NotYet is the error that asks FlowCatalyst to deliver again later. It spends
// none of the job's retries, so use it for "I am not ready", not for "this
// failed".
type NotYet struct {
	// Delay is how long to wait, from one second to a day; 0 leaves it to
	// FlowCatalyst, which waits 30 s.
	Delay time.Duration
}

// Error implements error.
func (e *NotYet) Error() string {
	if e.Delay == 0 {
		return "not yet"
	}
	return "not yet: try again in " + e.Delay.String()
}

// Later returns a [*NotYet] with this delay.
func Later(delay time.Duration) error { return &NotYet{Delay: delay} }

// Handler verifies and parses each request and hands the delivery to f.
//
//   - f returns nil: 200, the job is complete.
//   - f returns an error that wraps [*NotYet]: 200 with {"ack":false}, the job
//     comes again after the delay and no retry is spent.
//   - f returns another error: 500, the job comes again by the subscription's
//     schedule. The error's text is not sent; log it in f.
//   - The signature is missing or wrong, or the timestamp is too far off: 401.
//     FlowCatalyst retries a 401 by the schedule, with a warning to its
//     operators, so that a secret changed on one side first costs no events.
//   - The body is larger than v.MaxBytes: 413, after which the job is a dead
//     letter and can be retried once the limit is raised.
//   - v has no usable secret: 500.
func Handler(v Verifier, f func(context.Context, *Delivery) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "deliveries are sent by POST", http.StatusMethodNotAllowed)
			return
		}
		d, err := Parse(r, v)
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, f(r.Context(), d))
	})
}

func refuse(w http.ResponseWriter, err error) {
	var unverified *VerificationError
	switch {
	case errors.As(err, &unverified):
		http.Error(w, unverified.Err.Error(), http.StatusUnauthorized)
	case errors.Is(err, ErrTooLarge):
		http.Error(w, ErrTooLarge.Error(), http.StatusRequestEntityTooLarge)
	case errors.Is(err, ErrSecret):
		http.Error(w, "the receiver has no usable signing secret", http.StatusInternalServerError)
	default:
		http.Error(w, "the delivery could not be read", http.StatusInternalServerError)
	}
}

func answer(w http.ResponseWriter, err error) {
	var later *NotYet
	body := `{"ack":true}`
	switch {
	case err == nil:
	case errors.As(err, &later) && later.Delay == 0:
		body = `{"ack":false}`
	case errors.As(err, &later):
		seconds := math.Ceil(min(max(later.Delay, minDelay), maxDelay).Seconds())
		body = `{"ack":false,"delaySeconds":` + strconv.Itoa(int(seconds)) + `}`
	default:
		http.Error(w, "the delivery was not processed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	// If the connection is gone, FlowCatalyst delivers again: nobody here can
	// do better.
	_, _ = io.WriteString(w, body)
}
