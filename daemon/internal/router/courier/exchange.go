package courier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const (
	keptBody    = 8 << 10  // of an answer, in the attempt
	readBody    = 64 << 10 // of an answer, to find ack:false and to reuse the connection
	keptHeaders = 4 << 10  // of an answer's headers, in the attempt
	// leaseMargin is how long before the end of the lease an exchange is
	// over at the latest.
	leaseMargin = 3 * time.Second
	// patience is how long the rest of an answer may take whose meaning is
	// known already.
	patience = 2 * time.Second
)

// Desk is what one worker reuses from exchange to exchange. The zero value is
// ready.
type Desk struct {
	head   []byte // of the request, then the whole of it if it is short
	body   []byte // of the request, where it had to be put together
	answer answer
	rest   body
	buf    []byte // the beginning of the answer's body

	began   time.Time
	request request
	result  flow.Exchange
}

// keptDesk bounds each buffer of a desk between exchanges.
const keptDesk = 128 << 10

// clear drops what one large delivery has left, and lets go of its event.
func (w *Desk) clear() {
	w.request = request{}
	if cap(w.head) > keptDesk {
		w.head = nil
	}
	if cap(w.body) > keptDesk {
		w.body = nil
	}
	if h := &w.answer; cap(h.text) > keptDesk/8 || cap(h.fields) > 128 {
		h.text, h.fields = nil, nil
	}
}

// Order is one exchange to be made: a job as Start gave it.
type Order struct {
	Job     *flow.Job
	Event   *flow.Event
	Route   catalog.Route
	Known   bool      // the route could be resolved
	Started time.Time // before Start was called; monotonic

	seen *sight // of a trial; nil for deliveries
}

// Exchange delivers once and judges the answer. When ctx ends first the
// attempt is recorded as lost.
func (c *Courier) Exchange(ctx context.Context, o *Order, w *Desk) flow.Attempt {
	j := o.Job
	a := flow.Attempt{JobID: j.ID, Number: j.Attempts, At: j.LastAttemptAt, Router: c.Instance}
	w.result, w.began = flow.Exchange{}, time.Now()
	at := c.Now()
	if c.attempt(ctx, o, at, w, &a, &w.result) {
		if w.result.RetryAfter != "" {
			at = c.Now() // it may be a date, and the answer took its time
		}
		a.Judge(j, &w.result, at)
	}
	a.Duration = time.Since(w.began)
	return a
}

// attempt makes the exchange. It is false if the attempt needs no judging.
func (c *Courier) attempt(ctx context.Context, o *Order, at time.Time, w *Desk, a *flow.Attempt, x *flow.Exchange) bool {
	j := o.Job
	if !o.Known {
		x.Failure, x.Problem = flow.ErrorConfiguration, "the job's subscription or connection does not exist any more"
		return true
	}
	p := c.prepared.get(&o.Route, at)
	if p.failure != flow.ErrorNone {
		x.Failure, x.Problem = p.failure, p.problem
		return true
	}
	timeout, inTime := deadline(j, max(w.began.Sub(o.Started), leased(j, at)))
	if !inTime {
		a.Verdict, a.ErrorType = flow.Lost, flow.ErrorUnknown
		a.Error = "too long a time went by between the start of the job and its request, so nothing was sent"
		return false
	}
	dataOnly := o.Route.Subscription != nil && o.Route.Subscription.DataOnly
	id := j.ID.String()
	defer w.clear()
	body, contentType := content(w.body[:0], j, o.Event, id, dataOnly)
	if o.Event == nil || !dataOnly {
		w.body = body // else it is the event's
	}
	w.request = request{route: p, body: body, began: w.began, timeout: timeout, seen: o.seen}
	if p.timeout > 0 && p.timeout < timeout {
		w.request.timeout, w.request.own = p.timeout, true
	}
	send := func(token string) {
		head, bad := appendHead(w.head[:0], j, o.Event, p, id, contentType, token, body, at)
		if bad != "" {
			x.Failure, x.Problem = flow.ErrorConfiguration, fmt.Sprintf("the job's header %q is not valid in HTTP", bad)
			return
		}
		if o.seen != nil {
			head = markTest(head)
			o.seen.sent(p, head, body)
		}
		w.head, w.request.head = head, head
		c.carrier.carry(ctx, &w.request, w, a, x)
	}
	if p.tokens == nil {
		send("")
	} else {
		c.sendWithToken(ctx, send, w, a, x)
	}
	if x.Status == 0 && errors.Is(context.Cause(ctx), ErrCut) {
		a.Verdict, a.ErrorType, a.Error = flow.Lost, flow.ErrorUnknown, ErrCut.Error()
		return false
	}
	return true
}

// sendWithToken sends with a token of the route, and once more with a fresh one
// if the endpoint does not accept what may be an old one: a 401 says that
// nothing was done.
func (c *Courier) sendWithToken(ctx context.Context, send func(token string), w *Desk, a *flow.Attempt, x *flow.Exchange) {
	tokens := w.request.route.tokens
	ctx, cancel := context.WithDeadline(ctx, w.began.Add(w.request.timeout))
	defer cancel()
	k, err := tokens.get(ctx)
	if err != nil {
		x.Failure, x.Problem = tokenFault(err)
		return
	}
	send(k.header)
	if x.Status != http.StatusUnauthorized || !tokens.refused(k) {
		return
	}
	if k, err = tokens.get(ctx); err != nil {
		return // the 401 tells more
	}
	*x = flow.Exchange{}
	a.Timing, a.Header, a.Body = flow.Timing{}, nil, nil
	send(k.header)
}

// tokenFault is why there is no token, as a failure of the exchange.
func tokenFault(err error) (flow.ErrorType, string) {
	var e *tokenError
	if errors.As(err, &e) {
		return e.kind, e.Error()
	}
	return flow.ErrorConnection, brief(err)
}

// leased is for how long the job has been leased, by the clock that the lease is
// written in. Unlike the monotonic one it goes on while the machine sleeps.
func leased(j *flow.Job, now time.Time) time.Duration {
	if j.LeaseUntil.IsZero() {
		return 0
	}
	return now.Round(0).Sub(j.LeaseUntil.Round(0).Add(-j.Policy.Timeout - flow.LeaseSlack))
}

// deadline is how long the exchange may take: the policy's timeout, if with
// it the exchange is sure to end before the lease, of which spent is gone.
func deadline(j *flow.Job, spent time.Duration) (timeout time.Duration, inTime bool) {
	left := flow.LeaseSlack - leaseMargin - spent
	if j.Policy.Timeout <= 0 {
		return left, left > 0
	}
	return j.Policy.Timeout, left >= 0
}
