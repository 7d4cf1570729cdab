package config

import (
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
)

func (mw *manifestWriter) client(b *block, c, usual *resource.Client) {
	b.text("status", c.Status, usual.Status)
}

func (mw *manifestWriter) application(b *block, a, usual *resource.Application) {
	b.text("type", strings.ToLower(a.Type), strings.ToLower(usual.Type))
}

func (mw *manifestWriter) role(b *block, r, _ *resource.Role) { b.list("permissions", r.Permissions) }

// serviceAccount writes an account whose references are codes.
func (mw *manifestWriter) serviceAccount(b *block, a, _ *resource.ServiceAccount) {
	if a.ApplicationID != "" {
		b.attr("application", mw.reference(resource.KindApplication, a.ApplicationID))
	}
	mw.references(b, "clients", resource.KindClient, a.ClientIDs)
	mw.references(b, "roles", resource.KindRole, a.Roles)
}

// references writes a list of references in the order of their codes, which
// is no part of what it says.
func (mw *manifestWriter) references(b *block, name string, kind resource.Kind, codes []string) {
	var elements []string
	for _, code := range slices.Sorted(slices.Values(codes)) {
		elements = append(elements, mw.reference(kind, code))
	}
	if len(elements) > 0 {
		b.attr(name, wrapped(elements))
	}
}

func (mw *manifestWriter) eventType(b *block, t, usual *resource.EventType) {
	b.text("status", t.Status, usual.Status)
	b.text("validation", strings.ToLower(t.Validation), strings.ToLower(usual.Validation))
	for _, v := range t.SpecVersions {
		b.nested("schema "+literal(v.Version), func(b *block) {
			b.text("status", v.Status, resource.SchemaFinalising)
			b.attr("body", jsonText(v.Schema))
		})
	}
}

func (mw *manifestWriter) dispatchPool(b *block, p, usual *resource.DispatchPool) {
	b.text("concurrency_mode", strings.ToLower(p.ConcurrencyMode), strings.ToLower(usual.ConcurrencyMode))
	b.rate(p.RateLimit)
	b.text("status", p.Status, usual.Status)
}

func (mw *manifestWriter) connection(b *block, c, usual *resource.Connection) {
	b.rate(c.RateLimit)
	b.seconds("connect_timeout", c.ConnectTimeoutSeconds, 0)
	b.seconds("first_byte_timeout", c.FirstByteTimeoutSeconds, 0)
	b.seconds("timeout", c.TimeoutSeconds, 0)
	b.text("status", c.Status, usual.Status)
	// What a rotation has begun is the server's: the secrets before are left out.
	if c.Signing.Scheme != "" && c.Signing.Scheme != resource.SchemeNone {
		b.nested("signing", func(b *block) {
			b.attr("scheme", literal(c.Signing.Scheme))
			b.text("timestamp", c.Signing.Timestamp, "")
			mw.secret(b, c, "secret", "signing.secret", "SECRET", c.Signing.Secret)
		})
	}
	if c.Auth.Type != "" && c.Auth.Type != resource.AuthNone {
		b.nested("auth", func(b *block) { mw.auth(b, c) })
	}
	if !c.TLS.IsZero() {
		b.nested("tls", func(b *block) {
			b.tagged(&c.TLS, &resource.TLS{})
			mw.secret(b, c, "key", "tls.key", "TLS_KEY", c.TLS.Key)
		})
	}
}

// authWords are the types as manifests write them.
var authWords = map[string]string{
	resource.AuthBearer: "bearer", resource.AuthBasic: "basic", resource.AuthAPIKey: "api_key", resource.AuthOAuth2: "oauth2",
}

func (mw *manifestWriter) auth(b *block, c *resource.Connection) {
	a := c.Auth
	b.text("type", authWords[a.Type], "")
	switch a.Type {
	case resource.AuthBearer:
		mw.secret(b, c, "token", "auth.token", "TOKEN", a.Token)
	case resource.AuthBasic:
		b.text("username", a.Username, "")
		mw.secret(b, c, "password", "auth.password", "PASSWORD", a.Password)
	case resource.AuthAPIKey:
		b.text("header", a.Header, resource.DefaultAPIKeyHeader)
		mw.secret(b, c, "key", "auth.key", "API_KEY", a.Key)
	case resource.AuthOAuth2:
		b.text("token_url", a.TokenURL, "")
		b.text("client_id", a.ClientID, "")
		b.text("audience", a.Audience, "")
		b.list("scopes", a.Scopes)
		b.text("client_auth", a.ClientAuth, "basic")
		mw.secret(b, c, "client_secret", "auth.clientSecret", "CLIENT_SECRET", a.ClientSecret)
	}
}

func (mw *manifestWriter) subscription(b *block, s, usual *resource.Subscription) {
	if s.ConnectionCode != "" {
		b.attr("connection", mw.reference(resource.KindConnection, s.ConnectionCode))
	}
	if s.DispatchPoolCode != "" && s.DispatchPoolCode != resource.DefaultPool {
		b.attr("pool", mw.reference(resource.KindDispatchPool, s.DispatchPoolCode))
	}
	b.seconds("delay", s.DelaySeconds, usual.DelaySeconds)
	b.seconds("timeout", s.TimeoutSeconds, usual.TimeoutSeconds)
	b.number("max_retries", s.MaxRetries, usual.MaxRetries)
	b.seconds("max_age", s.MaxAgeSeconds, usual.MaxAgeSeconds)
	if s.DataOnly {
		b.attr("data_only", "true")
	}
	b.number("sequence", s.Sequence, usual.Sequence)
	b.text("queue", s.Queue, usual.Queue)
	config := map[string]string{}
	for _, kv := range s.CustomConfig {
		config[kv.Key] = kv.Value
	}
	b.stringMap("custom_config", config)
	b.text("status", s.Status, usual.Status)
	var retry block
	if !sameSchedule(s.RetrySchedule) {
		var delays []string
		for _, d := range s.RetrySchedule {
			delays = append(delays, spell(d))
		}
		retry.list("schedule", delays)
	}
	retry.fraction("jitter", s.RetryJitter)
	retry.text("strategy", s.RetryStrategy, usual.RetryStrategy)
	retry.integers("on", slices.Sorted(slices.Values(s.RetryOn)))
	if retry.Len() > 0 {
		b.nested("retry", func(b *block) { b.WriteString(retry.String()) })
	}
}

// sameSchedule says that a schedule is the one of a subscription without.
func sameSchedule(s []resource.Duration) bool {
	if len(s) == 0 {
		return true
	}
	if len(s) != len(resource.DefaultRetrySchedule) {
		return false
	}
	for i, d := range resource.DefaultRetrySchedule {
		if s[i] != d {
			return false
		}
	}
	return true
}

// writeBindings writes patterns, and a filter that all of them have beside
// them.
func writeBindings(b *block, bindings []resource.Binding) {
	var shared resource.Filter
	if len(bindings) > 0 {
		shared = bindings[0].Filter
	}
	for _, o := range bindings {
		if o.Filter != shared {
			shared = ""
		}
	}
	var elements []string
	for _, o := range bindings {
		e := literal(o.EventTypeCode)
		if o.Filter != "" && shared == "" {
			e = "{ type = " + e + ", filter = " + filterText(o.Filter, false) + " }"
		}
		elements = append(elements, e)
	}
	b.attr("event_types", wrapped(elements))
	if shared != "" {
		b.attr("filter", filterText(shared, true))
	}
}
