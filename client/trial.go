package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// ConnectionTest is the event that a test of a connection sends. What is zero
// is the server's choice.
type ConnectionTest struct {
	Type string          `json:"type,omitempty"` // flowcatalyst:system:connection:test
	Data json.RawMessage `json:"data,omitempty"`
}

// ConnectionTested is the exchange of a test.
type ConnectionTested struct {
	ConnectionID   string `json:"connectionId"`
	ConnectionCode string `json:"connectionCode"`
	Status         string `json:"status"` // of the connection; a paused one is tested all the same
	URL            string `json:"url"`
	Success        bool   `json:"success"`
	// Verdict is what the answer would mean for a delivery: DELIVERED,
	// DEFERRED, THROTTLED, RETRY, REJECTED or GONE.
	Verdict   string `json:"verdict"`
	ErrorType string `json:"errorType,omitempty"`
	Error     string `json:"error,omitempty"` // what went wrong and what to try

	Address string      `json:"address,omitempty"` // empty through a proxy
	Proxied bool        `json:"proxied,omitempty"`
	TLS     *TestedTLS  `json:"tls,omitempty"`
	Timing  TestTiming  `json:"timing"`
	Request *TestSent   `json:"request,omitempty"`
	Answer  *TestAnswer `json:"answer,omitempty"`
}

// TestedTLS is what a receiver showed when it was tested. Without a version it
// was not accepted.
type TestedTLS struct {
	Version   string    `json:"version,omitempty"`
	Protocol  string    `json:"protocol,omitempty"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// TestTiming is where the time of a test went, in milliseconds. FirstByte and
// Total count from the beginning.
type TestTiming struct {
	DNS       float64 `json:"dnsMillis"`
	Connect   float64 `json:"connectMillis"`
	TLS       float64 `json:"tlsMillis"`
	FirstByte float64 `json:"firstByteMillis"`
	Total     float64 `json:"totalMillis"`
}

// TestSent is the request of a test, in which credentials are [secret].
type TestSent struct {
	Method  string       `json:"method"`
	Target  string       `json:"target"`
	Headers []TestHeader `json:"headers"`
	Body    string       `json:"body"`
}

// TestHeader is a header of a test's request.
type TestHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// TestAnswer is the beginning of a receiver's answer, in which nothing is left
// that a terminal would obey.
type TestAnswer struct {
	Status    int               `json:"status"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
	Truncated bool              `json:"truncated,omitempty"`
}

// TestConnection sends a connection, by id or code, a signed event that nobody
// published, as a delivery would be sent, and returns the exchange. An exchange
// that failed is no error. A connection may be tested ten times a minute; the
// error has status 429 beyond that.
func (c *Client) TestConnection(ctx context.Context, id string, t ConnectionTest) (*ConnectionTested, error) {
	path := c.Resources(resource.KindConnection).path(id, "test")
	got := &ConnectionTested{}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: path, body: t}, got); err != nil {
		return nil, fmt.Errorf("test connection %s: %w", id, err)
	}
	return got, nil
}
