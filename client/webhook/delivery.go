package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// DefaultMaxBytes bounds a delivery's body unless the verifier says otherwise.
const DefaultMaxBytes = 8 << 20

// ErrTooLarge says that the body is larger than the verifier's MaxBytes.
var ErrTooLarge = errors.New("the body is too large")

// A Delivery is one event on its way to you: the n-th attempt of a dispatch
// job.
type Delivery struct {
	// DispatchJobID is the same for every attempt: deduplicate by it.
	DispatchJobID string
	// Attempt counts from 1. It is 0 if the sender did not say.
	Attempt int
	// Replay is true if an operator sent an old event again. It comes from a
	// header and is not signed.
	Replay bool
	// Test is true if an operator tests the connection: nobody published the
	// event, and nothing needs to be done about it. It comes from a header and
	// is not signed.
	Test bool
	// SubscriptionID is the subscription that matched. It comes from a header
	// and is not signed.
	SubscriptionID string

	// EventID and EventType name the event and its kind.
	EventID   string
	EventType string
	// Source, Subject, Time and the ids below are the event's own; they are
	// empty where the publisher gave none or the delivery is bare data.
	Source        string
	Subject       string
	Time          time.Time
	CorrelationID string
	CausationID   string
	MessageGroup  string
	ClientID      string

	// Data is what the publisher sent: the envelope's data, or the whole body
	// if the subscription delivers bare data. It need not be JSON in the
	// latter case.
	Data json.RawMessage
	// Body is the body as it came, over which the signature was made.
	Body []byte
	// Envelope is true if the body was the envelope. If it is false, the ids
	// above come from headers, which are not signed (but for webhook-id).
	Envelope bool
	// SignedAt is the time of the attempt by the sender's clock.
	SignedAt time.Time
	// Header is the request's.
	Header http.Header
}

// envelope is the body of an ordinary delivery.
type envelope struct {
	ID            string          `json:"id"`
	Type          string          `json:"type"`
	Source        string          `json:"source"`
	Subject       string          `json:"subject"`
	Time          time.Time       `json:"time"`
	Data          json.RawMessage `json:"data"`
	CorrelationID string          `json:"correlationId"`
	CausationID   string          `json:"causationId"`
	MessageGroup  string          `json:"messageGroup"`
	ClientID      string          `json:"clientId"`
	DispatchJobID string          `json:"dispatchJobId"`
	AttemptNumber int             `json:"attemptNumber"`
}

// Parse verifies a request and reads the delivery in it. The headers are
// judged before the body is read, and no more than v.MaxBytes of it are. The
// error is a [*VerificationError] if the request cannot be trusted, wraps
// [ErrTooLarge] if there is too much of it, and is the reader's otherwise.
func Parse(r *http.Request, v Verifier) (*Delivery, error) {
	c, err := v.claim(r.Header)
	if err != nil {
		return nil, err
	}
	body, err := v.read(r)
	if err != nil {
		return nil, fmt.Errorf("read webhook: %w", err)
	}
	if err := v.check(c, body); err != nil {
		return nil, err
	}
	d := newDelivery(r.Header, body, c.scheme)
	d.SignedAt = c.at
	return d, nil
}

func (v Verifier) read(r *http.Request) ([]byte, error) {
	limit := v.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	if r.Body == nil {
		return nil, nil
	}
	// The announced length is a hint from a stranger: believe it only up to
	// 64 KiB, and let the buffer grow with what really comes.
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(r.Body, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return nil, ErrTooLarge
	}
	return b.Bytes(), nil
}

func newDelivery(h http.Header, body []byte, scheme Scheme) *Delivery {
	d := &Delivery{
		DispatchJobID:  h.Get("X-Flowcatalyst-Dispatch-Job-Id"),
		SubscriptionID: h.Get("X-Flowcatalyst-Subscription-Id"),
		Body:           body,
		Header:         h,
	}
	if scheme == StandardWebhooks {
		// Signed, unlike the header above.
		d.DispatchJobID = h.Get(HeaderWebhookID)
	}
	d.Replay = isSet(h.Get("X-Flowcatalyst-Replay"))
	d.Test = isSet(h.Get("X-Flowcatalyst-Test"))

	if e, ok := decodeEnvelope(body, d.DispatchJobID); ok {
		d.Envelope = true
		d.DispatchJobID, d.Attempt = e.DispatchJobID, e.AttemptNumber
		d.EventID, d.EventType = e.ID, e.Type
		d.Source, d.Subject, d.Time = e.Source, e.Subject, e.Time
		d.CorrelationID, d.CausationID = e.CorrelationID, e.CausationID
		d.MessageGroup, d.ClientID = e.MessageGroup, e.ClientID
		d.Data = e.Data
		return d
	}
	d.Data = body
	d.EventID = h.Get("X-Flowcatalyst-Event-Id")
	d.EventType = h.Get("X-Flowcatalyst-Event-Type")
	d.ClientID = h.Get("X-Flowcatalyst-Client-Id")
	d.CorrelationID = h.Get("X-Flowcatalyst-Correlation-Id")
	if n, err := strconv.Atoi(h.Get("X-Flowcatalyst-Attempt")); err == nil && n > 0 {
		d.Attempt = n
	}
	return d
}

// isSet reads the replay header, which carries the replay's id or "true".
func isSet(s string) bool { return s != "" && s != "false" }

// decodeEnvelope tells an envelope from bare data. Bare data may look like one
// (somebody forwards what they received), but then it names another job.
func decodeEnvelope(body []byte, jobID string) (envelope, bool) {
	var e envelope
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) || json.Unmarshal(body, &e) != nil {
		return e, false
	}
	ok := e.DispatchJobID != "" && e.Type != "" && e.AttemptNumber > 0 &&
		(jobID == "" || jobID == e.DispatchJobID)
	return e, ok
}
