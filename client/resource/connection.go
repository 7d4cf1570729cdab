package resource

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Connection is an endpoint: its URL, how deliveries to it are signed, and
// what it can bear. Paused, its jobs wait and go when it is active again.
type Connection struct {
	Meta
	Code           string            `json:"code"`
	Name           string            `json:"name" hcl:"name,optional"`
	Description    string            `json:"description,omitempty" hcl:"description,optional"`
	URL            string            `json:"url" hcl:"url"`
	Status         string            `json:"status"` // ACTIVE or PAUSED
	Signing        Signing           `json:"signing,omitzero"`
	Headers        map[string]string `json:"headers,omitempty" hcl:"headers,optional"`                // sent with every delivery
	MaxConcurrency int               `json:"maxConcurrency,omitempty" hcl:"max_concurrency,optional"` // exchanges at once in one router; 0 is the pool's
	RateLimit      Rate              `json:"rateLimit,omitempty"`                                     // per minute; 0 is no limit
	Auth           Auth              `json:"auth,omitzero"`
	TLS            TLS               `json:"tls,omitzero"`

	// How long an exchange may take: to connect (the TLS handshake included),
	// until the first byte of the answer, and in all. The whole is never
	// longer than the subscription's timeout. 0 is the router's 10 s to
	// connect, and no limit of its own for the others.
	ConnectTimeoutSeconds   int `json:"connectTimeoutSeconds,omitempty"`
	FirstByteTimeoutSeconds int `json:"firstByteTimeoutSeconds,omitempty"`
	TimeoutSeconds          int `json:"timeoutSeconds,omitempty"`
}

// Signing says how a delivery proves where it came from.
type Signing struct {
	Scheme    string `json:"scheme,omitempty" hcl:"scheme"` // see the Scheme constants; empty is none
	Secret    Secret `json:"secret,omitzero"`
	Timestamp string `json:"timestamp,omitempty" hcl:"timestamp,optional"` // of "flowcatalyst": "iso" (default) or "unix"
	// Previous are secrets that still sign beside the current one until
	// their time, so that receivers can change over. Under "flowcatalyst",
	// which has room for one signature, they sign before it.
	Previous []PreviousSecret `json:"previous,omitempty"`
}

// Alive are the previous secrets whose overlap has not ended, the first to end
// first.
func (s *Signing) Alive(now time.Time) []PreviousSecret {
	if len(s.Previous) == 0 {
		return nil
	}
	alive := slices.DeleteFunc(slices.Clone(s.Previous), func(p PreviousSecret) bool { return !now.Before(p.Until) })
	slices.SortStableFunc(alive, func(a, b PreviousSecret) int { return a.Until.Compare(b.Until) })
	return alive
}

// PreviousSecret is a secret in its overlap.
type PreviousSecret struct {
	Secret Secret    `json:"secret"`
	Until  time.Time `json:"until"`
}

// The signing schemes.
const (
	SchemeNone             = "none"
	SchemeFlowCatalyst     = "flowcatalyst"
	SchemeStandardWebhooks = "standard-webhooks"
)

// The states of a connection.
const (
	ConnectionActive = "ACTIVE"
	ConnectionPaused = "PAUSED"
)

// Kind implements Resource.
func (*Connection) Kind() Kind { return KindConnection }

// Key implements Resource.
func (c *Connection) Key() string { return c.Code }

// Refs implements Resource.
func (*Connection) Refs() []Ref { return nil }

// Shows says whether the connection has credentials or signs. Nil does not.
func (c *Connection) Shows() bool {
	return c != nil && (c.Auth.Type != "" && c.Auth.Type != AuthNone || c.Signing.Scheme != "" && c.Signing.Scheme != SchemeNone)
}

// Defaults implements Resource.
func (c *Connection) Defaults() {
	if c.Name == "" {
		c.Name = c.Code
	}
	if c.Status == "" {
		c.Status = ConnectionActive
	}
	if c.Signing.Scheme == "" {
		c.Signing.Scheme = SchemeNone
	}
	if c.Signing.Scheme == SchemeNone {
		c.Signing.Secret, c.Signing.Previous = Secret{}, nil
	}
	c.Auth.defaults()
	c.TLS.defaults()
}

// Validate implements Resource.
func (c *Connection) Validate() []Problem {
	ps := checkCode(nil, c.Code)
	ps = checkName(ps, c.Name, c.Description)
	ps = CheckURL(ps, "url", c.URL)
	ps = checkEnum(ps, "status", c.Status, ConnectionActive, ConnectionPaused)
	ps = checkRange(ps, "maxConcurrency", c.MaxConcurrency, 0, 10000)
	scheme := cmp.Or(c.Signing.Scheme, SchemeNone)
	ps = checkEnum(ps, "signing.scheme", scheme, SchemeNone, SchemeFlowCatalyst, SchemeStandardWebhooks)
	if scheme != SchemeNone && c.Signing.Secret.IsZero() {
		ps = append(ps, Problem{"signing.secret", "is required by the scheme", `env("WAREHOUSE_SECRET")`})
	}
	ps = c.Signing.checkKey(ps, "signing.secret", c.Signing.Secret)
	for i, p := range c.Signing.Previous {
		ps = c.Signing.checkKey(ps, fmt.Sprintf("signing.previous[%d].secret", i), p.Secret)
		if p.Secret.IsZero() {
			ps = append(ps, Problem{fmt.Sprintf("signing.previous[%d].secret", i), "is required", ""})
		}
	}
	if c.Signing.Timestamp != "" {
		ps = checkEnum(ps, "signing.timestamp", c.Signing.Timestamp, "iso", "unix")
	}
	own := c.Auth.header()
	for name, value := range c.Headers {
		if p := checkHeader(name, value); p != "" {
			ps = append(ps, Problem{"headers", p, "X-Team"})
		} else if own != "" && strings.EqualFold(name, own) {
			ps = append(ps, Problem{"headers", own + " is what auth sends; one of the two must go", ""})
		}
	}
	ps = c.Auth.validate(ps)
	ps = c.TLS.validate(ps)
	ps = checkRange(ps, "connectTimeoutSeconds", c.ConnectTimeoutSeconds, 0, 60)
	ps = checkRange(ps, "firstByteTimeoutSeconds", c.FirstByteTimeoutSeconds, 0, 900)
	return checkRange(ps, "timeoutSeconds", c.TimeoutSeconds, 0, 900)
}

// checkKey refuses a key pair's half that can not sign here.
func (s *Signing) checkKey(ps []Problem, field string, secret Secret) []Problem {
	v := secret.Reveal()
	switch {
	case strings.HasPrefix(v, "whpk_"):
		return append(ps, Problem{field, "is a public key (whpk_), which only verifies", "its private key (whsk_)"})
	case strings.HasPrefix(v, "whsk_") && s.Scheme == SchemeFlowCatalyst:
		return append(ps, Problem{field, "is a private key (whsk_), which signs under standard-webhooks only", `"standard-webhooks" as the scheme`})
	}
	return ps
}

// CheckURL appends what is wrong with a webhook target.
func CheckURL(ps []Problem, field, raw string) []Problem {
	const try = "https://hooks.example.com/orders"
	if raw == "" {
		return append(ps, Problem{field, "is required", try})
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return append(ps, Problem{field, "must be an absolute URL", try})
	case u.Scheme != "http" && u.Scheme != "https":
		return append(ps, Problem{field, "must begin with http:// or https://", try})
	case u.User != nil:
		return append(ps, Problem{field, "must not carry a user or password", try})
	case u.Fragment != "":
		return append(ps, Problem{field, "must not carry a fragment (#…)", try})
	case len(raw) > 2048:
		return append(ps, Problem{field, "is longer than 2048 characters", try})
	}
	return ps
}

func checkHeader(name, value string) string {
	lower := strings.ToLower(name)
	if name == "" || strings.ContainsAny(name, " \t\r\n:()<>@,;\\\"/[]?={}") {
		return "has a name that is not an HTTP token (RFC 9110 §5.6.2)"
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return fmt.Sprintf("%s has a line break in its value", name)
	}
	switch lower {
	case "host", "content-length", "transfer-encoding", "connection", "content-type", "user-agent":
		return fmt.Sprintf("%s is set by the router and can not be replaced", name)
	}
	if strings.HasPrefix(lower, "webhook-") || strings.HasPrefix(lower, "x-flowcatalyst-") {
		return fmt.Sprintf("%s is reserved for the delivery's own headers", name)
	}
	return ""
}
