package resource

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func goodConnection() *Connection {
	c := &Connection{Code: "warehouse", URL: "https://hooks.example.com/shipments", Headers: map[string]string{"X-Team": "logistics"},
		Signing: Signing{Scheme: SchemeStandardWebhooks, Secret: NewSecret("whsec_x")}}
	c.Defaults()
	return c
}

func goodSubscription() *Subscription {
	s := &Subscription{Code: "ship", EventTypes: []Binding{{EventTypeCode: "orders:fulfillment:shipment:*", Filter: "data.total > 1"}}, ConnectionCode: "warehouse"}
	s.Defaults()
	return s
}

func goodPool() *DispatchPool {
	p := &DispatchPool{Code: "priority"}
	p.Defaults()
	return p
}

func goodEventType() *EventType {
	e := &EventType{Code: "orders:fulfillment:shipment:shipped", SpecVersions: []SpecVersion{{Version: "1", Schema: json.RawMessage(`{"type":"object"}`)}}}
	e.Defaults()
	return e
}

// with makes a changed copy of a good noun.
func with[T any](good func() *T, change func(*T)) *T {
	v := good()
	change(v)
	return v
}

func TestValidate(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3000)
	for _, c := range []struct {
		name   string
		r      Resource
		fields string // of the problems, sorted
	}{
		{"a good connection", goodConnection(), ""},
		{"a good subscription", goodSubscription(), ""},
		{"a good pool", goodPool(), ""},
		{"a good event type", goodEventType(), ""},

		{"nothing in a connection", &Connection{}, "code status url"},
		{"nothing in a subscription", &Subscription{}, "code eventTypes maxAgeSeconds maxRetries mode retryStrategy status target timeoutSeconds"},
		{"nothing in a pool", &DispatchPool{}, "code concurrency status"},
		{"nothing in an event type", &EventType{}, "code status"},

		{"a code with a space", with(goodPool, func(p *DispatchPool) { p.Code = "a b" }), "code"},
		{"a code that begins with a dash", with(goodPool, func(p *DispatchPool) { p.Code = "-a" }), "code"},
		{"a code of 100", with(goodPool, func(p *DispatchPool) { p.Code = long[:100] }), ""},
		{"a code of 101", with(goodPool, func(p *DispatchPool) { p.Code = long[:101] }), "code"},
		{"a code that ends in a line break", with(goodPool, func(p *DispatchPool) { p.Code = "a\n" }), "code"},
		{"a long name and description", with(goodPool, func(p *DispatchPool) { p.Name, p.Description = long, long }), "description name"},
		{"no concurrency", with(goodPool, func(p *DispatchPool) { p.Concurrency = -1 }), "concurrency"},
		{"too much concurrency", with(goodPool, func(p *DispatchPool) { p.Concurrency = 10001 }), "concurrency"},
		{"a negative rate", with(goodPool, func(p *DispatchPool) { p.RateLimit = -1 }), "rateLimit"},
		{"an unknown state", with(goodPool, func(p *DispatchPool) { p.Status = "active" }), "status"},

		{"a relative URL", with(goodConnection, func(c *Connection) { c.URL = "/hooks" }), "url"},
		{"a URL without host", with(goodConnection, func(c *Connection) { c.URL = "https://:443/x" }), "url"},
		{"a URL of another scheme", with(goodConnection, func(c *Connection) { c.URL = "ftp://example.com/" }), "url"},
		{"a URL with a password", with(goodConnection, func(c *Connection) { c.URL = "https://u:p@example.com/" }), "url"},
		{"a URL with a fragment", with(goodConnection, func(c *Connection) { c.URL = "https://example.com/#a" }), "url"},
		{"a URL with a line break", with(goodConnection, func(c *Connection) { c.URL = "https://example.com/\n" }), "url"},
		{"a long URL", with(goodConnection, func(c *Connection) { c.URL = "https://example.com/" + long }), "url"},
		{"an unknown scheme", with(goodConnection, func(c *Connection) { c.Signing.Scheme = "hmac" }), "signing.scheme"},
		{"a scheme without its secret", with(goodConnection, func(c *Connection) { c.Signing.Secret = Secret{} }), "signing.secret"},
		{"an unknown timestamp", with(goodConnection, func(c *Connection) { c.Signing.Timestamp = "rfc" }), "signing.timestamp"},
		{"unix timestamps", with(goodConnection, func(c *Connection) { c.Signing.Timestamp = "unix" }), ""},
		{"a header with a space", with(goodConnection, func(c *Connection) { c.Headers = map[string]string{"X Team": "a"} }), "headers"},
		{"a header that breaks the line", with(goodConnection, func(c *Connection) { c.Headers = map[string]string{"X-Team": "a\r\nX-Evil: b"} }), "headers"},
		{"a header of the router", with(goodConnection, func(c *Connection) { c.Headers = map[string]string{"content-TYPE": "a"} }), "headers"},
		{"a header of the signature", with(goodConnection, func(c *Connection) { c.Headers = map[string]string{"Webhook-Id": "a"} }), "headers"},
		{"a header of ours", with(goodConnection, func(c *Connection) { c.Headers = map[string]string{"X-FlowCatalyst-Replay": "a"} }), "headers"},

		{"a bearer", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthBearer, Token: NewSecret("t")} }), ""},
		{"a bearer without its token", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthBearer} }), "auth.token"},
		{"a bearer that breaks the line", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthBearer, Token: NewSecret("t\n")} }), "auth.token"},
		{"basic", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthBasic, Username: "u", Password: NewSecret("p")} }), ""},
		{"nothing in basic", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthBasic} }), "auth.password auth.username"},
		{"a user with a colon", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthBasic, Username: "u:x", Password: NewSecret("p")} }), "auth.username"},
		{"an API key", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthAPIKey, Key: NewSecret("k")} }), ""},
		{"an API key in a header of the router", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthAPIKey, Header: "Host", Key: NewSecret("k")} }), "auth.header"},
		{"an API key and a header of its name", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthAPIKey, Header: "x-team", Key: NewSecret("k")} }), "headers"},
		{"oauth2", with(goodConnection, func(c *Connection) {
			c.Auth = Auth{Type: AuthOAuth2, TokenURL: "https://login.example.com/token", ClientID: "c", ClientSecret: NewSecret("s"), Scopes: []string{"a:b"}, ClientAuth: "body"}
		}), ""},
		{"nothing in oauth2", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: AuthOAuth2, Scopes: []string{"a b"}, ClientAuth: "query"} }),
			"auth.clientAuth auth.clientId auth.clientSecret auth.scopes auth.tokenUrl"},
		{"an unknown auth", with(goodConnection, func(c *Connection) { c.Auth = Auth{Type: "HMAC_SIGNATURE"} }), "auth.type"},
		{"a CA that is none", with(goodConnection, func(c *Connection) { c.TLS = TLS{CA: "ca.pem"} }), "tls.ca"},
		{"a key as a CA", with(goodConnection, func(c *Connection) { c.TLS = TLS{CA: pair(t).Key.Reveal()} }), "tls.ca"},
		{"a client certificate", with(goodConnection, func(c *Connection) { c.TLS = pair(t) }), ""},
		{"a client certificate without its key", with(goodConnection, func(c *Connection) { c.TLS = TLS{Certificate: pair(t).Certificate} }), "tls.key"},
		{"the key of another certificate", with(goodConnection, func(c *Connection) { c.TLS = pair(t); c.TLS.Key = pair(t).Key }), "tls.key"},
		{"a server name that is a URL", with(goodConnection, func(c *Connection) { c.TLS = TLS{ServerName: "https://a.example.com"} }), "tls.serverName"},
		{"long timeouts", with(goodConnection, func(c *Connection) {
			c.ConnectTimeoutSeconds, c.FirstByteTimeoutSeconds, c.TimeoutSeconds = 61, 901, 901
		}),
			"connectTimeoutSeconds firstByteTimeoutSeconds timeoutSeconds"},
		{"a private key", with(goodConnection, func(c *Connection) { c.Signing.Secret = NewSecret("whsk_x") }), ""},
		{"a public key", with(goodConnection, func(c *Connection) { c.Signing.Secret = NewSecret("whpk_x") }), "signing.secret"},
		{"a private key under flowcatalyst", with(goodConnection, func(c *Connection) { c.Signing.Scheme, c.Signing.Secret = SchemeFlowCatalyst, NewSecret("whsk_x") }), "signing.secret"},
		{"a previous secret that is none", with(goodConnection, func(c *Connection) { c.Signing.Previous = []PreviousSecret{{}} }), "signing.previous[0].secret"},

		{"an adaptive pool", with(goodPool, func(p *DispatchPool) { p.ConcurrencyMode = ConcurrencyAdaptive }), ""},
		{"an adaptive pool within bounds", with(goodPool, func(p *DispatchPool) {
			p.ConcurrencyMode, p.MinConcurrency, p.MaxConcurrency = ConcurrencyAdaptive, 2, 64
		}), ""},
		{"an adaptive pool that begins beyond its bounds", with(goodPool, func(p *DispatchPool) { p.ConcurrencyMode, p.MaxConcurrency = ConcurrencyAdaptive, 5 }), "concurrency"},
		{"bounds of a fixed pool", with(goodPool, func(p *DispatchPool) { p.MinConcurrency = 1 }), "concurrencyMode"},
		{"an unknown mode of concurrency", with(goodPool, func(p *DispatchPool) { p.ConcurrencyMode = "ELASTIC" }), "concurrencyMode"},

		{"three segments", with(goodEventType, func(e *EventType) { e.Code = "a:b:c" }), "code"},
		{"five segments", with(goodEventType, func(e *EventType) { e.Code = "a:b:c:d:e" }), "code"},
		{"an empty segment", with(goodEventType, func(e *EventType) { e.Code = "a::c:d" }), "code"},
		{"a wildcard in a type", with(goodEventType, func(e *EventType) { e.Code = "a:b:c:*" }), "code"},
		{"a long type", with(goodEventType, func(e *EventType) { e.Code = "a:b:c:" + long }), "code"},
		{"two versions of a name", with(goodEventType, func(e *EventType) { e.SpecVersions = append(e.SpecVersions, e.SpecVersions[0]) }), "specVersions[1].version"},
		{"a schema that is not JSON", with(goodEventType, func(e *EventType) { e.SpecVersions[0].Schema = json.RawMessage("{") }), "specVersions[0].schema"},
		{"no schema", with(goodEventType, func(e *EventType) { e.SpecVersions[0].Schema = nil }), "specVersions[0].schema"},
		{"a version of an unknown state", with(goodEventType, func(e *EventType) { e.SpecVersions[0].Status = "NEW" }), "specVersions[0].status"},

		{"no pattern", with(goodSubscription, func(s *Subscription) { s.EventTypes = nil }), "eventTypes"},
		{"a pattern of three", with(goodSubscription, func(s *Subscription) { s.EventTypes[0].EventTypeCode = "orders:*:*" }), "eventTypes[0].eventTypeCode"},
		{"a wildcard within a word", with(goodSubscription, func(s *Subscription) { s.EventTypes[0].EventTypeCode = "orders:ship*:*:*" }), "eventTypes[0].eventTypeCode"},
		{"101 patterns", with(goodSubscription, func(s *Subscription) { s.EventTypes = slices.Repeat(s.EventTypes, 101) }), "eventTypes"},
		{"neither target nor connection", with(goodSubscription, func(s *Subscription) { s.ConnectionCode = "" }), "target"},
		{"a target", with(goodSubscription, func(s *Subscription) { s.ConnectionCode, s.Target = "", "https://example.com/x" }), ""},
		{"a bad target", with(goodSubscription, func(s *Subscription) { s.ConnectionCode, s.Target = "", "example.com" }), "target"},
		{"an unknown mode", with(goodSubscription, func(s *Subscription) { s.Mode = "FIFO" }), "mode"},
		{"an unknown strategy", with(goodSubscription, func(s *Subscription) { s.RetryStrategy = "LINEAR" }), "retryStrategy"},
		{"an unknown state", with(goodSubscription, func(s *Subscription) { s.Status = "OFF" }), "status"},
		{"a negative delay", with(goodSubscription, func(s *Subscription) { s.DelaySeconds = -1 }), "delaySeconds"},
		{"a long timeout", with(goodSubscription, func(s *Subscription) { s.TimeoutSeconds = 901 }), "timeoutSeconds"},
		{"no exchange at all", with(goodSubscription, func(s *Subscription) { s.MaxRetries = -1 }), "maxRetries"},
		{"a negative age", with(goodSubscription, func(s *Subscription) { s.MaxAgeSeconds = -1 }), "maxAgeSeconds"},
		{"too much jitter", with(goodSubscription, func(s *Subscription) { s.RetryJitter = 1.1 }), "retryJitter"},
		{"negative jitter", with(goodSubscription, func(s *Subscription) { s.RetryJitter = -0.1 }), "retryJitter"},
		{"101 delays", with(goodSubscription, func(s *Subscription) { s.RetrySchedule = make([]Duration, 101) }), "retrySchedule"},
		{"a retry on success", with(goodSubscription, func(s *Subscription) { s.RetryOn = []int{422, 200, 600} }), "retryOn[1] retryOn[2]"},
		{"a config that is no header", with(goodSubscription, func(s *Subscription) {
			s.CustomConfig = []KeyValue{{"region", "eu"}, {"", "x"}, {"a b", "x"}, {"c", "a\nb"}}
		}), "customConfig[1] customConfig[2] customConfig[3]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var fields []string
			for _, p := range c.r.Validate() {
				fields = append(fields, p.Field)
				if p.Detail == "" || strings.Contains(p.Detail, "xxxxx") || len(p.String()) > 400 {
					t.Errorf("the problem says %q", p)
				}
			}
			slices.Sort(fields)
			if got := strings.Join(fields, " "); got != c.fields {
				t.Errorf("problems in %q, want %q", got, c.fields)
			}
		})
	}
}

func TestProblemsDoNotRepeatWhatTheyReject(t *testing.T) {
	t.Parallel()
	const mark = "ZZMARKZZ"
	for _, r := range []Resource{
		&Connection{Code: mark + " ", URL: "ftp://" + mark, Status: mark, Signing: Signing{Scheme: mark, Timestamp: mark}, Auth: Auth{Type: mark}, TLS: TLS{CA: mark, Certificate: mark, Key: NewSecret(mark), ServerName: mark + "/"}},
		&Subscription{Code: mark + " ", EventTypes: []Binding{{EventTypeCode: mark}}, Target: mark, Mode: mark, Status: mark, RetryStrategy: mark, CustomConfig: []KeyValue{{mark + " ", mark}}},
		&DispatchPool{Code: mark + " ", Status: mark, ConcurrencyMode: mark},
		&EventType{Code: mark, Status: mark, SpecVersions: []SpecVersion{{Version: "1", Schema: json.RawMessage(mark), Status: mark}}},
	} {
		ps := r.Validate()
		if len(ps) == 0 || strings.Contains(fmt.Sprint(ps), mark) {
			t.Errorf("%s: %v", r.Kind(), ps)
		}
	}
}

func TestDefaultsAreValidAndStay(t *testing.T) {
	t.Parallel()
	for _, r := range []Resource{goodConnection(), goodSubscription(), goodPool(), goodEventType()} {
		if ps := r.Validate(); len(ps) > 0 {
			t.Errorf("%s: %v", r.Kind(), ps)
		}
		before, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Defaults()
		after, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if string(before) != string(after) {
			t.Errorf("%s: defaults changed what had them:\n%s\n%s", r.Kind(), before, after)
		}
	}
	s := goodSubscription()
	if s.Mode != ModeImmediate || s.TimeoutSeconds != 30 || s.MaxRetries != 5 || s.MaxAgeSeconds != 86400 || s.Sequence != 99 || s.Name != "ship" || s.RetryStrategy != StrategySchedule {
		t.Errorf("the defaults of a subscription are %+v", s)
	}
}
