package queue

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MediationHTTP is the one way of mediation there is.
const MediationHTTP = "HTTP"

// Message is one hand-over of a job, or a request that a foreign producer put
// into the queue itself. Its JSON form is what travels in the broker.
type Message struct {
	// ID is MessageID(JobID, Ticket), or the producer's own.
	ID string `json:"id"`
	// JobID is empty in messages of foreign producers, which become jobs.
	JobID string `json:"jobId,omitempty"`
	// Ticket counts the hand-overs of the job, from 1.
	Ticket int64 `json:"ticket,omitempty"`

	PoolCode        string `json:"poolCode"`
	MediationType   string `json:"mediationType"`
	MediationTarget string `json:"mediationTarget"`
	MessageGroupID  string `json:"messageGroupId,omitempty"`
	// HighPriority is carried for older producers and orders nothing.
	HighPriority bool   `json:"highPriority"`
	DispatchMode string `json:"dispatchMode,omitempty"`

	// Payload travels inline when the router would otherwise have to fetch it.
	Payload      Payload           `json:"payload,omitempty"`
	Headers      map[string]string `json:"headers,omitempty"`
	ClientID     string            `json:"clientId,omitempty"`
	ConnectionID string            `json:"connectionId,omitempty"`
	// SubscriptionID tells the router where a ticket's job goes, so that it
	// need not read the job before the job starts. A task has none.
	SubscriptionID string `json:"subscriptionId,omitempty"`
	// ReplayID says which replay a ticket's job belongs to, if to any.
	ReplayID string `json:"replayId,omitempty"`

	// AuthToken and SigningSecret come only from foreign producers.
	AuthToken     Secret `json:"authToken,omitempty"`
	SigningSecret Secret `json:"signingSecret,omitempty"`

	// OrderKey is a hash for FIFO brokers to group by. It is not part of the
	// body, and received messages carry none.
	OrderKey string `json:"-"`
}

// MessageID is the id of a job's hand-over with that ticket.
func MessageID(jobID string, ticket int64) string {
	return jobID + "." + strconv.FormatInt(ticket, 10)
}

// ParseMessageID undoes MessageID. It is false for every id that MessageID
// would not have made, as those of foreign producers.
func ParseMessageID(id string) (jobID string, ticket int64, ok bool) {
	i := strings.LastIndexByte(id, '.')
	if i < 1 {
		return "", 0, false
	}
	ticket, err := strconv.ParseInt(id[i+1:], 10, 64)
	if err != nil || ticket < 1 || id[i+1] == '+' || id[i+1] == '0' {
		return "", 0, false
	}
	return id[:i], ticket, true
}

// Validate says why no receiver could use the message; the error is ErrInvalid.
func (m *Message) Validate() error {
	switch {
	case m.ID == "":
		return fmt.Errorf("%w: it has no id", ErrInvalid)
	case m.JobID == "" && m.MediationTarget == "":
		return fmt.Errorf("%w: it has neither a jobId nor a mediationTarget", ErrInvalid)
	case m.JobID != "" && m.Ticket < 1:
		return fmt.Errorf("%w: a message with a jobId needs a ticket of at least 1", ErrInvalid)
	case !utf8.Valid(m.Payload):
		return fmt.Errorf("%w: the payload is not UTF-8", ErrInvalid)
	}
	return nil
}

// Payload is the body to be delivered, byte for byte. In JSON it is written as
// a string; any other JSON value is read as the bytes of its text.
type Payload []byte

// MarshalJSON writes the payload as a JSON string.
func (p Payload) MarshalJSON() ([]byte, error) {
	return appendString(make([]byte, 0, len(p)+16), p), nil
}

// UnmarshalJSON reads the content of a string, or the text of any other value.
func (p *Payload) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*p = nil
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*p = Payload(s)
	default:
		*p = append(Payload(nil), b...)
	}
	return nil
}

// Secret is a credential that appears in the body of a message and nowhere
// else: printing or logging it shows only that it is there.
type Secret string

const redacted = "[secret]"

// String hides the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
