package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/plan"
	"pgregory.net/rapid"
)

// drawn makes values for the fields of a random resource.
type drawn struct{ t *rapid.T }

// texts are all that would mean something in HCL if it were not escaped.
var texts = rapid.SampledFrom([]string{
	"", "x", "a \"quoted\" word", "${var.hooks} and %{ if true }", "$${kept} 100 %", "line one\nline two\n", "line\n  indented ${x}\nEOT\n",
	"two\nlines", "EOT\nEOT\n", "back\\slash \\n", "tab\there", "héllo 世界 🚚", "# no comment // nor this", "trailing \n \n",
})

func (d drawn) text(label string) string             { return texts.Draw(d.t, label) }
func (d drawn) of(label string, vs ...string) string { return rapid.SampledFrom(vs).Draw(d.t, label) }
func (d drawn) number(label string, low, high int) int {
	return rapid.OneOf(rapid.Just(low), rapid.IntRange(low, high)).Draw(d.t, label)
}
func (d drawn) maybe(label string) bool { return rapid.Bool().Draw(d.t, label) }
func (d drawn) rate() resource.Rate {
	r, err := resource.ParseRate(d.of("rate", "0", "500/s", "90/m", "5000/h", "7/h", "0.25/s", "12.7"))
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}
func (d drawn) secret(label string) resource.Secret {
	return resource.NewSecret(label + d.of(label, "one", "two", "${three}"))
}
func (d drawn) headers(label string) map[string]string {
	m := map[string]string{}
	for _, k := range []string{"X-Team", "for", "null", "a.b", "9"} {
		if d.maybe(label + k) {
			m[k] = d.of(label, "x", "${y}", "%{z}")
		}
	}
	return m
}

var writtenCodes = []string{"warehouse", "ship-notifications", "eu.hooks", "9lives", "a_b", "a-b", "for"}

func (d drawn) eventType() resource.Resource {
	e := &resource.EventType{
		Code: "shop:sales:order:" + d.of("code", writtenCodes...), Name: d.text("name"), Description: d.text("description"),
		Status: d.of("status", "CURRENT", "ARCHIVED"), Validation: d.of("validation", "OFF", "WARN", "REJECT"),
	}
	for i := range d.number("versions", 0, 3) {
		e.SpecVersions = append(e.SpecVersions, resource.SpecVersion{
			Version: fmt.Sprint(i + 1), Status: d.of("version status", "FINALISING", "FINALISED", "DEPRECATED"),
			Schema: json.RawMessage(d.of("schema", `{"type":"object"}`, `true`, `{"b":1.50,"a":1e3,"$ref":"${x}"}`, `{"pattern":"^\\d+\n$","enum":["%{a}","<&>","JSON"]}`, `{"multipleOf":0.01,"maximum":123456789012345678901234567890}`)),
		})
	}
	return e
}

func (d drawn) pool() resource.Resource {
	p := &resource.DispatchPool{
		Code: d.of("code", writtenCodes...), Name: d.text("name"), Description: d.text("description"),
		Concurrency: d.number("concurrency", 10, 50), RateLimit: d.rate(), Status: d.of("status", "ACTIVE", "SUSPENDED", "ARCHIVED"),
	}
	if d.maybe("adaptive") {
		p.ConcurrencyMode, p.MinConcurrency, p.MaxConcurrency = resource.ConcurrencyAdaptive, d.number("min", 0, 9), 60
	}
	if d.maybe("http2") {
		on := d.maybe("on")
		p.HTTP2, p.KeepAlive = &on, &on
	}
	return p
}

func (d drawn) connection() resource.Resource {
	c := &resource.Connection{
		Code: d.of("code", writtenCodes...), Name: d.text("name"), Description: d.text("description"),
		URL: d.of("url", "https://hooks.example.com/a", "http://localhost:3000/?q=%7B&x=${y}"), Status: d.of("status", "ACTIVE", "PAUSED"),
		Headers: d.headers("header"), MaxConcurrency: d.number("max", 0, 90), RateLimit: d.rate(),
		ConnectTimeoutSeconds: d.number("connect", 0, 60), FirstByteTimeoutSeconds: d.number("first byte", 0, 900), TimeoutSeconds: d.number("timeout", 0, 900),
	}
	c.Headers["X-Team"] = "shipping"
	c.Signing.Scheme = d.of("scheme", resource.SchemeNone, resource.SchemeFlowCatalyst, resource.SchemeStandardWebhooks)
	if c.Signing.Scheme != resource.SchemeNone {
		c.Signing.Secret, c.Signing.Timestamp = d.secret("signing"), d.of("timestamp", "", "iso", "unix")
		if d.maybe("rotated") { // and not exported
			c.Signing.Previous = []resource.PreviousSecret{{Secret: d.secret("previous"), Until: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}}
		}
	}
	a := &c.Auth
	switch a.Type = d.of("auth", "", resource.AuthBearer, resource.AuthBasic, resource.AuthAPIKey, resource.AuthOAuth2); a.Type {
	case resource.AuthBearer:
		a.Token = d.secret("token")
	case resource.AuthBasic:
		a.Username, a.Password = d.of("username", "u", "${u}"), d.secret("password")
	case resource.AuthAPIKey:
		a.Header, a.Key = d.of("auth header", "", "X-Key"), d.secret("key")
	case resource.AuthOAuth2:
		a.TokenURL, a.ClientID, a.ClientSecret = "https://login.example.com/token", "id", d.secret("client secret")
		a.Audience, a.ClientAuth = d.of("audience", "", "a"), d.of("client auth", "", "basic", "body")
		a.Scopes = []string{"orders:write", "${x}"}[:d.number("scopes", 0, 2)]
	}
	c.TLS.ServerName = d.of("server", "", "internal.example.com")
	return c
}

func (d drawn) subscription() resource.Resource {
	s := &resource.Subscription{
		Code: d.of("code", writtenCodes...), Name: d.text("name"), Description: d.text("description"),
		Mode: d.of("mode", resource.ModeImmediate, resource.ModeNextOnError, resource.ModeBlockOnError), Status: d.of("status", "ACTIVE", "PAUSED", "ARCHIVED"),
		DelaySeconds: d.number("delay", 0, 30*86400), TimeoutSeconds: d.number("timeout", 1, 900), MaxAgeSeconds: d.number("age", 86400, 7*86400),
		MaxRetries: d.number("retries", 1, 9), Sequence: d.number("sequence", 98, 99), DataOnly: d.maybe("data only"), Queue: d.of("queue", "", "q"),
		RetryStrategy: d.of("strategy", resource.StrategySchedule, resource.StrategyFixedDelay), RetryJitter: rapid.SampledFrom([]float64{0, 0.2, 1}).Draw(d.t, "jitter"),
		RetryOn: []int{409, 404}[:d.number("on", 0, 2)], DispatchPoolCode: d.of("pool", append(writtenCodes, "", resource.DefaultPool)...),
	}
	if s.ConnectionCode = d.of("connection", append(writtenCodes, "")...); s.ConnectionCode == "" || d.maybe("shown") {
		s.Target = "https://hooks.example.com/${x}"
	}
	for i := range d.number("bindings", 1, 4) {
		s.EventTypes = append(s.EventTypes, resource.Binding{
			EventTypeCode: fmt.Sprintf("shop:sales:order:e%d-%s", i, strings.Repeat("x", d.number("length", 0, 20))),
			Filter: resource.Filter(d.of("filter", "", "data.total > 100.0", "data.x == '${y}' ||\n  data.y == \"%{z}\"", "[1, 2].exists(i, i == data.n)",
				`{"path":"$.total","operator":"GREATER_THAN","value":100}`, `{"path":"$.total","operator":"eq","value":1.50}`)),
		})
	}
	for k, v := range d.headers("config") {
		s.CustomConfig = append(s.CustomConfig, resource.KeyValue{Key: "c" + k, Value: v})
	}
	for range d.number("schedule", 0, 3) {
		s.RetrySchedule = append(s.RetrySchedule, resource.Duration(d.number("seconds", 1, 200000))*resource.Duration(time.Second))
	}
	return s
}

func (d drawn) slug() string { return d.of("slug", "a", "b-2", "3c") }

func (d drawn) client() resource.Resource {
	return &resource.Client{Identifier: d.slug(), Name: d.of("name", "", "Acme ${x}"), Status: d.of("status", "", resource.ClientSuspended)}
}

func (d drawn) application() resource.Resource {
	off := false
	a := &resource.Application{Code: d.slug(), Description: d.of("description", "", "x"), Type: d.of("type", "", resource.ApplicationIntegration), IconURL: d.of("icon", "", "https://example.com/i.png")}
	if d.maybe("off") {
		a.Active = &off
	}
	return a
}

func (d drawn) role() resource.Resource {
	return &resource.Role{Name: d.slug() + ":" + d.of("role", "clerk", "boss"), DisplayName: d.of("name", "", "Clerk"), ClientManaged: d.maybe("managed"),
		Permissions: []string{"shop:sales:order:view", "shop:*:*:*"}[:d.number("permissions", 0, 2)]}
}

func (d drawn) account() resource.Resource {
	a := &resource.ServiceAccount{Code: d.of("code", writtenCodes...), Roles: []string{"b-2:clerk", "a:boss"}[:d.number("roles", 0, 2)]}
	if a.ClientIDs = []string{"b-2", "a"}[:d.number("clients", 0, 2)]; d.maybe("everywhere") {
		a.ClientIDs = []string{"*"}
	}
	if d.maybe("of an application") {
		a.ApplicationID = d.slug()
	}
	return a
}

// Whatever there is, what is written of it is read as the same, so that a plan
// of the two has nothing to do but to take over what is another's.
func TestWhatIsWrittenPlansToNoChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{t}
		makers := map[resource.Kind]func() resource.Resource{
			resource.KindClient: d.client, resource.KindApplication: d.application, resource.KindRole: d.role, resource.KindServiceAccount: d.account,
			resource.KindEventType: d.eventType, resource.KindDispatchPool: d.pool, resource.KindConnection: d.connection, resource.KindSubscription: d.subscription,
		}
		var live []resource.Resource
		values := map[string]string{} // of secrets, by resource and field
		seen := map[itemKey]bool{}
		for i := range d.number("resources", 1, 4) {
			for _, info := range resource.Declared() {
				if makers[info.Kind] == nil {
					t.Fatalf("WriteManifest and this test do not know the kind %s", info.Kind)
				}
				r := makers[info.Kind]()
				if seen[itemKey{r.Kind(), r.Key()}] {
					continue
				}
				seen[itemKey{r.Kind(), r.Key()}] = true
				r.Defaults()
				*r.Base() = resource.Meta{ID: fmt.Sprintf("%s_%d", info.Prefix, i), ManagedBy: d.of("owner", "mine", "theirs", ""), Protected: d.maybe("protected"), Revision: 3, AppliedRevision: 3}
				_ = resource.EachSecret(r, func(field string, s *resource.Secret) error { // as an answer shows it
					values[fmt.Sprint(r.Kind(), r.Key(), field)] = s.Reveal()
					*s = resource.FingerprintOf(s.Fingerprint())
					return nil
				})
				live = append(live, r)
			}
		}

		src, secrets := WriteManifest(Writing{Name: "mine", Resources: live})
		reversed := slices.Clone(live)
		slices.Reverse(reversed)
		if again, _ := WriteManifest(Writing{Name: "mine", Resources: reversed}); string(again) != string(src) {
			t.Fatalf("the order of resources shows:\n%s\n%s", src, again)
		}
		if formatted, diags := Format("x", src); diags != nil || string(formatted) != string(src) {
			t.Fatalf("it is not formatted (%v):\n%s", diags, src)
		}
		env := map[string]string{}
		for _, s := range secrets {
			if _, twice := env[s.Variable]; twice {
				t.Fatalf("two secrets are called %s", s.Variable)
			}
			env[s.Variable] = values[fmt.Sprint(s.Kind, s.Code, s.Field)]
		}
		m, diags := LoadManifest("-", ManifestOptions{Stdin: strings.NewReader(string(src)), Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, src)
		}
		desired := plan.Desired{Manifest: "mine"}
		for _, r := range m.Resources {
			desired.Items = append(desired.Items, plan.Item{Resource: r, Adopt: m.Adopts(r.Kind(), r.Key()), StatusStated: true})
		}
		if len(m.Resources) != len(live) {
			t.Fatalf("%d resources are %d when they are read", len(live), len(m.Resources))
		}
		for _, c := range plan.Make(desired, live).Changes {
			adopted := c.Adopt && len(c.Attributes) == 1 && c.Attributes[0].Path == "managedBy"
			if c.Action != plan.NoOp && !adopted {
				t.Fatalf("%s %s %s: %s %+v\n%s", c.Action, c.Kind, c.Code, c.Problem, c.Attributes, src)
			}
		}
	})
}

// How it looks.
func TestWrittenManifest(t *testing.T) {
	t.Parallel()
	m, diags := LoadManifest("testdata/manifest/good-full.fc.hcl", ManifestOptions{Env: testEnv})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	src, _ := WriteManifest(Writing{Name: m.Name, Client: "acme", Head: []string{"For eyes.", ""}, Resources: m.Resources})
	golden(t, "testdata/written.fc.hcl", src)
	if strings.Contains(string(src), "MfKQ9r8") {
		t.Error("a secret is written")
	}
}
