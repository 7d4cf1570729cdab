package listen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/webhook"
)

// isoMillis is how deliveries write times.
const isoMillis = "2006-01-02T15:04:05.000Z"

const (
	// maxAnswer bounds what is read of an answer; as for a delivery, no
	// {"ack": false} is looked for beyond it.
	maxAnswer = 64 << 10
	// deferral is how long an answer {"ack": false} waits that does not say.
	deferral = 30 * time.Second
	// maxDeferral is the longest that an answer can ask for.
	maxDeferral = 24 * time.Hour
)

// Target is where events are handed to.
type Target struct {
	URL string
	// Signer signs; nil does not.
	Signer *webhook.Signer
	// DataOnly sends the data without the envelope.
	DataOnly bool
	// Timeout bounds one exchange.
	Timeout time.Duration
	// Agent is the User-Agent.
	Agent string

	client *http.Client
}

// NewTarget makes a target with its own connections. Redirects are not
// followed, as no delivery does.
func NewTarget(address string) *Target {
	return &Target{URL: address, Timeout: 30 * time.Second, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Outcome is what became of handing one event over.
type Outcome struct {
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
	// Status is the answer's; 0 if there was none.
	Status int `json:"status,omitempty"`
	// Took is how long the exchange was.
	Took time.Duration `json:"-"`
	// Error says why there was no answer.
	Error string `json:"error,omitempty"`
	// Deferred says that the target wants it later, which is no failure.
	Deferred bool `json:"deferred,omitempty"`
	// After is how long the target asked to wait; 0 if it did not.
	After time.Duration `json:"-"`
}

// OK says that the target has taken the event.
func (o Outcome) OK() bool { return o.Status >= 200 && o.Status < 300 && !o.Deferred }

// Send hands an event over once. It ends the exchange in good order even if ctx
// ends meanwhile; the timeout bounds it.
func (t *Target) Send(ctx context.Context, e *client.Event, attempt int) Outcome {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.Timeout)
	defer cancel()
	o := Outcome{Attempt: attempt}
	begun := time.Now()
	if err := t.exchange(ctx, e, &o); err != nil {
		o.Error = reason(err, t.Timeout)
	}
	o.Took = time.Since(begun)
	return o
}

func (t *Target) exchange(ctx context.Context, e *client.Event, o *Outcome) error {
	body, kind, err := t.body(e, o.Attempt)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	t.head(req.Header, e, o.Attempt, kind, body, time.Now())
	res, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("its answer broke off: %w", err)
	}
	o.Status = res.StatusCode
	o.read(res.Header, answer)
	return nil
}

// read looks for what an answer asks for.
func (o *Outcome) read(h http.Header, body []byte) {
	switch {
	case o.Status >= 200 && o.Status < 300:
		var a struct {
			Ack          *bool
			DelaySeconds float64
		}
		if len(body) > maxAnswer || json.Unmarshal(body, &a) != nil || a.Ack == nil || *a.Ack {
			return
		}
		o.Deferred, o.After = true, deferral
		if a.DelaySeconds > 0 {
			o.After = time.Duration(min(max(a.DelaySeconds, 1), maxDeferral.Seconds()) * float64(time.Second))
		}
	case o.Status == http.StatusTooManyRequests, o.Status == http.StatusServiceUnavailable:
		s := h.Get("Retry-After")
		if n, err := strconv.Atoi(s); err == nil && n > 0 {
			o.After = min(time.Duration(min(n, 1<<20))*time.Second, maxDeferral)
		} else if at, err := http.ParseTime(s); err == nil {
			o.After = min(max(time.Until(at), 0), maxDeferral)
		}
	}
}

// head sets the headers of a delivery. The id stands where a job's would: there
// is none, and the event's own is the same at every attempt.
func (t *Target) head(h http.Header, e *client.Event, attempt int, kind string, body []byte, at time.Time) {
	set := func(name, value string) {
		if value != "" {
			h.Set(name, oneLine(value))
		}
	}
	set("User-Agent", t.Agent)
	set("Content-Type", kind)
	set("Traceparent", e.Traceparent)
	set("X-FlowCatalyst-Event-Id", e.ID)
	set("X-FlowCatalyst-Event-Type", e.Type)
	set("X-FlowCatalyst-Dispatch-Job-Id", e.ID)
	set("X-FlowCatalyst-Client-Id", e.ClientID)
	set("X-FlowCatalyst-Correlation-Id", e.CorrelationID)
	set("X-FlowCatalyst-Attempt", strconv.Itoa(attempt))
	set("X-FlowCatalyst-Timestamp", at.UTC().Format(isoMillis))
	if t.Signer != nil {
		t.Signer.SignHeader(h, e.ID, at, body)
	}
}

// oneLine makes a text that HTTP allows in a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// body is what a delivery's is. The data stands in it as it came.
func (t *Target) body(e *client.Event, attempt int) (body []byte, kind string, err error) {
	if t.DataOnly {
		if kind = e.DataContentType; kind == "" {
			kind = "application/json"
		}
		return e.Data, kind, nil
	}
	head, err := object(struct {
		ID      string  `json:"id"`
		Type    string  `json:"type"`
		Source  string  `json:"source"`
		Subject *string `json:"subject"`
		Time    string  `json:"time"`
	}{e.ID, e.Type, e.Source, nullable(e.Subject), e.Time.UTC().Format(isoMillis)})
	if err != nil {
		return nil, "", err
	}
	version := e.SpecVersion
	if version == "" {
		version = "1.0"
	}
	tail, err := object(struct {
		CorrelationID *string `json:"correlationId"`
		CausationID   *string `json:"causationId"`
		MessageGroup  *string `json:"messageGroup"`
		ClientID      *string `json:"clientId"`
		SpecVersion   string  `json:"specVersion"`
		DispatchJobID string  `json:"dispatchJobId"`
		AttemptNumber int     `json:"attemptNumber"`
	}{nullable(e.CorrelationID), nullable(e.CausationID), nullable(e.MessageGroup), nullable(e.ClientID), version, e.ID, attempt})
	if err != nil {
		return nil, "", err
	}
	data := []byte(e.Data)
	if len(data) == 0 {
		data = []byte("null")
	}
	body = append(head[:len(head)-1], `,"data":`...)
	body = append(body, data...)
	return append(append(body, ','), tail[1:]...), "application/json", nil
}

// object is a value as JSON, with its text as the router writes it.
func object(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// reason is why there was no answer, without what the line says anyway.
func reason(err error, timeout time.Duration) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	if errors.Is(err, syscall.ECONNREFUSED) { // as the router says it
		return "the receiver refused the connection. Check whether it runs and listens at this port"
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return err.Error()
}
