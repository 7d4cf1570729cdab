package router

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
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

// courier makes exchanges. It is shared by all workers.
type courier struct {
	transport http.RoundTripper
	prepared  preparations
	userAgent string
	instance  string
	now       func() time.Time
}

// desk is what one worker reuses from exchange to exchange.
type desk struct{ buf []byte }

// order is one exchange to be made: a job as Start gave it.
type order struct {
	job     *flow.Job
	event   *flow.Event
	route   catalog.Route
	known   bool      // the route could be resolved
	started time.Time // before Start was called; monotonic
}

// exchange delivers once and judges the answer. When ctx ends first the
// attempt is recorded as lost.
func (c *courier) exchange(ctx context.Context, o *order, w *desk) flow.Attempt {
	j := o.job
	a := flow.Attempt{JobID: j.ID, Number: j.Attempts, At: j.LastAttemptAt, Router: c.instance}
	var x flow.Exchange
	began := time.Now()
	if c.attempt(ctx, o, w, &a, &x) {
		a.Judge(j, &x, c.now())
	}
	a.Duration = time.Since(began)
	return a
}

// attempt makes the exchange. It is false if the attempt needs no judging.
func (c *courier) attempt(ctx context.Context, o *order, w *desk, a *flow.Attempt, x *flow.Exchange) bool {
	j := o.job
	if !o.known {
		x.Failure, x.Problem = flow.ErrorConfiguration, "the job's subscription or connection does not exist any more"
		return true
	}
	p := c.prepared.get(&o.route, c.now())
	if p.failure != flow.ErrorNone {
		x.Failure, x.Problem = p.failure, p.problem
		return true
	}
	timeout, inTime := deadline(j, time.Since(o.started))
	if !inTime {
		a.Verdict, a.ErrorType = flow.Lost, flow.ErrorUnknown
		a.Error = "too long a time went by between the start of the job and its request, so nothing was sent"
		return false
	}
	dataOnly := o.route.Subscription != nil && o.route.Subscription.DataOnly
	id := j.ID.String()
	body, contentType := content(j, o.event, id, dataOnly)
	at := c.now()
	header, bad := deliveryHeader(j, o.event, p, id, contentType, c.userAgent, at)
	if bad != "" {
		x.Failure, x.Problem = flow.ErrorConfiguration, fmt.Sprintf("the job's header %q is not valid in HTTP", bad)
		return true
	}
	if p.signer != nil {
		p.signer.SignHeader(header, id, at, body)
	}
	c.roundTrip(ctx, p, header, body, timeout, w, a, x)
	if x.Status == 0 && errors.Is(context.Cause(ctx), errCut) {
		a.Verdict, a.ErrorType, a.Error = flow.Lost, flow.ErrorUnknown, errCut.Error()
		return false
	}
	return true
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

// payload is a request's body. The bytes belong to the request: the transport
// may still write them after an early answer, so they are never reused.
type payload struct{ bytes.Reader }

func (*payload) Close() error { return nil }

func newPayload(b []byte) *payload {
	p := &payload{}
	p.Reset(b)
	return p
}

func (c *courier) roundTrip(ctx context.Context, p *prepared, h http.Header, body []byte, timeout time.Duration, w *desk, a *flow.Attempt, x *flow.Exchange) {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t := &call{Context: bounded, began: time.Now()}
	// WithContext copies, so this one stays on the stack.
	req := http.Request{
		Method: http.MethodPost, URL: p.url, Host: p.url.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, ContentLength: int64(len(body)), Body: http.NoBody,
		// Lets the transport go on with a new connection when the kept one
		// was closed before a byte was written; it never sends twice.
		GetBody: func() (io.ReadCloser, error) { return newPayload(body), nil },
	}
	if len(body) > 0 {
		req.Body = newPayload(body)
	}
	resp, err := c.transport.RoundTrip(req.WithContext(t))
	a.Timing = flow.Timing{DNS: time.Duration(t.dns.Load()), Connect: time.Duration(t.connect.Load()), TLS: time.Duration(t.tls.Load())}
	if err != nil {
		x.Failure, x.Problem = fault(cause(bounded, err), timeout)
		return
	}
	a.Timing.FirstByte = time.Since(t.began)
	defer func() { _ = resp.Body.Close() }() // all that mattered was read
	if a.Header = keepHeaders(resp.Header); resp.StatusCode == http.StatusSwitchingProtocols {
		x.Status = resp.StatusCode
		return
	}
	x.RetryAfter, x.Location = resp.Header.Get("Retry-After"), resp.Header.Get("Location")
	err = w.read(resp, cancel, x)
	if n := min(len(x.Body), keptBody); n > 0 {
		a.Body = bytes.Clone(x.Body[:n])
	}
	if err != nil {
		x.Failure, x.Problem = fault(cause(bounded, err), timeout)
		x.Problem = fmt.Sprintf("the answer %d broke off: %s", resp.StatusCode, x.Problem)
		return
	}
	x.Status = resp.StatusCode
}

// cause prefers the end of the deadline to what the transport made of it.
func cause(ctx context.Context, err error) error {
	if e := ctx.Err(); e != nil && !errors.Is(err, e) {
		return fmt.Errorf("%w: %w", e, err)
	}
	return err
}

// read reads of an answer what its meaning needs, and of the rest so much
// that most connections can be used again. The error is nil when the meaning
// is known, however the rest went.
func (w *desk) read(resp *http.Response, cancel context.CancelFunc, x *flow.Exchange) error {
	if cap(w.buf) > keptBody || w.buf == nil {
		w.buf = make([]byte, 0, 1<<10) // a large answer's buffer is not kept
	}
	b := w.buf[:0]
	success := resp.StatusCode >= 200 && resp.StatusCode < 300
	var hurry *time.Timer
	defer func() {
		w.buf = b
		if hurry != nil {
			hurry.Stop()
		}
	}()
	if resp.ContentLength == 0 || resp.Body == http.NoBody {
		x.Complete = true
		return nil
	}
	for {
		known := !success || !flow.MayDefer(b)
		if known && hurry == nil {
			hurry = time.AfterFunc(patience, cancel)
		}
		if len(b) >= readBody || known && len(b) >= keptBody && resp.ContentLength > readBody {
			x.Body = b
			return nil
		}
		if len(b) == cap(b) {
			b = slices.Grow(b, min(4*cap(b), readBody)-len(b))
		}
		n, err := resp.Body.Read(b[len(b):min(cap(b), readBody)])
		b = b[:len(b)+n]
		x.Body = b
		switch {
		case err == io.EOF:
			x.Complete = true
			return nil
		case err != nil && success && flow.MayDefer(b):
			return err // it could have been ack:false
		case err != nil:
			return nil
		}
	}
}

// keepHeaders writes an answer's headers as JSON, sorted and bounded. Cookies
// are secrets of the receiver and stay out.
func keepHeaders(h http.Header) []byte {
	if len(h) == 0 {
		return nil
	}
	var few [16]string
	names := few[:0]
	for name := range h {
		if name != "Set-Cookie" && name != "Set-Cookie2" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b := make([]byte, 0, 256)
	b = append(b, '{')
	for _, name := range names {
		value := strings.ToValidUTF8(strings.Join(h[name], ", "), "?")
		if len(b)+len(name)+len(value)+8 > keptHeaders {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		b = appendString(b, value)
	}
	return append(b, '}')
}
