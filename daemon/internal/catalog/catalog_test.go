package catalog

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

// rot is a sealer whose seal is easy to see.
type rot struct{ lost bool }

func (rot) Seal(plain string) (string, error) { return "sealed(" + plain + ")", nil }

func (r rot) Open(sealed string) (string, error) {
	plain, ok := strings.CutPrefix(sealed, "sealed(")
	if !ok || r.lost {
		return "", errors.New("the key is another one")
	}
	return strings.TrimSuffix(plain, ")"), nil
}

// counting is a store that counts what a cache reads of it.
type counting struct {
	store.Store
	mu    sync.Mutex
	reads int
}

func (c *counting) Documents(ctx context.Context, kinds ...string) ([]store.Document, int64, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	return c.Store.Documents(ctx, kinds...)
}

func setup(t *testing.T) *counting {
	t.Helper()
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return &counting{Store: st}
}

func write(t *testing.T, st store.Store, docs ...store.Document) {
	t.Helper()
	v, err := st.Version(t.Context())
	if err == nil {
		_, err = st.Write(t.Context(), store.WriteSet{IfVersion: v, Put: docs}, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func encode(t *testing.T, r resource.Resource) store.Document {
	t.Helper()
	r.Defaults()
	d, err := Encode(r, rot{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func get(t *testing.T, c *Cache) *Catalog {
	t.Helper()
	cat, err := c.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func connection(id string, change ...func(*resource.Connection)) *resource.Connection {
	c := &resource.Connection{Meta: resource.Meta{ID: id}, Code: id, URL: "https://hooks.example.com/" + id}
	c.Signing.Scheme, c.Signing.Secret = resource.SchemeStandardWebhooks, resource.NewSecret("whsec_c2VjcmV0").Open()
	c.Signing.Previous = append(c.Signing.Previous, resource.PreviousSecret{Secret: resource.NewSecret("whsec_b2xk").Open()})
	for _, f := range change {
		f(c)
	}
	return c
}

func subscription(id string, change ...func(*resource.Subscription)) *resource.Subscription {
	s := &resource.Subscription{
		Meta: resource.Meta{ID: id}, Code: id, ConnectionID: "con_A", DispatchPoolID: "pol_A",
		EventTypes: []resource.Binding{{EventTypeCode: "*:*:*:*"}},
	}
	for _, f := range change {
		f(s)
	}
	return s
}

func TestSecretsAreSealedInTheStoreAndOpenInTheCatalog(t *testing.T) {
	t.Parallel()
	st := setup(t)
	con := connection("con_A")
	d := encode(t, con)
	if strings.Contains(strings.ReplaceAll(string(d.Body), "sealed(whsec_", ""), "whsec_") || strings.Count(string(d.Body), "sealed(") != 2 {
		t.Errorf("the document is %s", d.Body)
	}
	if con.Signing.Secret.Reveal() != "whsec_c2VjcmV0" {
		t.Error("encoding changed the resource")
	}
	write(t, st, d)
	got := get(t, New(st, rot{})).Connections["con_A"]
	if got == nil || got.Signing.Secret.Reveal() != "whsec_c2VjcmV0" || got.Signing.Previous[0].Secret.Reveal() != "whsec_b2xk" {
		t.Errorf("the connection is %+v", got)
	}
}

func TestNoSecretOfAnyKindIsForgotten(t *testing.T) {
	t.Parallel()
	for _, info := range resource.Declared() {
		r := info.New()
		if c, ok := r.(*resource.Connection); ok {
			c.Signing.Previous = make([]resource.PreviousSecret, 1)
		}
		n := 0
		each := func(r resource.Resource, visit func(path string, s *resource.Secret)) {
			_ = resource.EachSecret(r, func(path string, s *resource.Secret) error { visit(path, s); return nil })
		}
		each(r, func(path string, s *resource.Secret) { n++; *s = resource.NewSecret("plain " + path).Open() })
		d, err := Encode(r, rot{})
		if err != nil {
			t.Fatal(err)
		}
		if body := string(d.Body); strings.Count(body, "sealed(plain ") != n || strings.Count(body, "plain ") != n {
			t.Errorf("%s with %d secrets is kept as %s", info.Kind, n, body)
		}
		back, err := Decode(d, rot{})
		if err != nil {
			t.Fatal(err)
		}
		each(back, func(path string, s *resource.Secret) {
			if s.Reveal() != "plain "+path {
				t.Errorf("%s: %s is not opened", info.Kind, path)
			}
		})
	}
}

func TestARouteIsWhereThingsStandNow(t *testing.T) {
	t.Parallel()
	pool := &resource.DispatchPool{Meta: resource.Meta{ID: "pol_A"}, Code: "priority"}
	target := func(s *resource.Subscription) { s.ConnectionID, s.Target = "", "https://direct.example.com" }
	cases := map[string]struct {
		declare  []resource.Resource
		job      flow.Job
		known    bool
		endpoint string
		url      string
		pool     string
		wait     string
	}{
		"a subscription with a connection": {
			declare: []resource.Resource{subscription("sub_A"), connection("con_A"), pool}, job: flow.Job{SubscriptionID: "sub_A"},
			known: true, endpoint: "con_A", url: "https://hooks.example.com/con_A", pool: "priority",
		},
		"a subscription with a target": {
			declare: []resource.Resource{subscription("sub_A", target)}, job: flow.Job{SubscriptionID: "sub_A"},
			known: true, endpoint: "https://direct.example.com", url: "https://direct.example.com", pool: resource.DefaultPool,
		},
		"a target beside a connection": {
			declare: []resource.Resource{subscription("sub_A", func(s *resource.Subscription) { s.Target = "https://direct.example.com" }), connection("con_A")},
			job:     flow.Job{SubscriptionID: "sub_A"},
			known:   true, endpoint: "con_A", url: "https://hooks.example.com/con_A", pool: resource.DefaultPool,
		},
		"a paused subscription": {
			declare: []resource.Resource{subscription("sub_A", func(s *resource.Subscription) { s.Status = resource.SubscriptionPaused }), connection("con_A"), pool},
			job:     flow.Job{SubscriptionID: "sub_A"},
			known:   true, endpoint: "con_A", url: "https://hooks.example.com/con_A", pool: "priority", wait: "subscription sub_A is paused",
		},
		"a paused connection": {
			declare: []resource.Resource{subscription("sub_A"), connection("con_A", func(c *resource.Connection) { c.Status = resource.ConnectionPaused }), pool},
			job:     flow.Job{SubscriptionID: "sub_A"},
			known:   true, endpoint: "con_A", url: "https://hooks.example.com/con_A", pool: "priority", wait: "connection con_A is paused",
		},
		"a suspended pool": {
			declare: []resource.Resource{subscription("sub_A"), connection("con_A"),
				&resource.DispatchPool{Meta: resource.Meta{ID: "pol_A"}, Code: "priority", Status: resource.PoolSuspended}},
			job:   flow.Job{SubscriptionID: "sub_A"},
			known: true, endpoint: "con_A", url: "https://hooks.example.com/con_A", pool: "priority", wait: "pool priority is suspended",
		},
		"a connection that is gone": {
			declare: []resource.Resource{subscription("sub_A"), pool}, job: flow.Job{SubscriptionID: "sub_A"}, pool: "priority",
		},
		"a subscription that is gone": {job: flow.Job{SubscriptionID: "sub_A"}, pool: resource.DefaultPool},
		"a task": {
			declare: []resource.Resource{connection("con_A"), pool},
			job:     flow.Job{Task: &flow.Task{ConnectionID: "con_A", PoolID: "pol_A"}},
			known:   true, endpoint: "con_A", url: "https://hooks.example.com/con_A", pool: "priority",
		},
		"a task for a target": {
			job:   flow.Job{Task: &flow.Task{TargetURL: "https://direct.example.com"}},
			known: true, endpoint: "https://direct.example.com", url: "https://direct.example.com", pool: resource.DefaultPool,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := setup(t)
			for _, r := range c.declare {
				write(t, st, encode(t, r))
			}
			r, known := get(t, New(st, rot{})).Route(&c.job)
			if known != c.known || r.Wait != c.wait || r.Pool == nil || r.Pool.Code != c.pool || known && (r.Endpoint != c.endpoint || r.URL != c.url) {
				t.Errorf("the route is %+v, known %v", r, known)
			}
		})
	}
}

// What can not be read is not what is not there: its jobs must wait.
func TestWhatCanNotBeReadIsNotGone(t *testing.T) {
	t.Parallel()
	st := setup(t)
	bad := encode(t, subscription("sub_bad"))
	bad.Body = []byte(`{"code": 7}`)
	write(t, st, bad, encode(t, subscription("sub_A")), encode(t, connection("con_A")),
		store.Document{Kind: string(resource.KindSubscription), ID: "sub_empty", Body: []byte("")})
	cat := get(t, New(st, rot{lost: true}))
	if len(cat.Broken) != 3 {
		t.Errorf("broken: %v", cat.Broken)
	}
	for id, want := range map[string]string{
		"sub_bad": "subscription sub_bad can not be read", "sub_empty": "subscription sub_empty can not be read",
		"sub_A": "connection con_A can not be read", "sub_never": "",
	} {
		if r, known := cat.RouteSubscription(id); r.Wait != want || known {
			t.Errorf("%s waits because %q, known %v; want %q", id, r.Wait, known, want)
		}
		if cat.Gone(id) != (id == "sub_never") {
			t.Errorf("%s is gone: %v", id, cat.Gone(id))
		}
	}
	for _, err := range cat.Broken {
		if strings.Contains(err.Error(), "whsec_") {
			t.Errorf("an error shows a secret: %v", err)
		}
	}
}

func TestACacheReadsOncePerVersion(t *testing.T) {
	t.Parallel()
	st := setup(t)
	c := New(st, rot{})
	first := get(t, c)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if cat, err := c.Get(t.Context()); err != nil || cat != first {
					t.Errorf("another catalog of the same version, %v", err)
				}
			}
		})
	}
	wg.Wait()
	write(t, st, encode(t, subscription("sub_A")))
	for range 8 {
		wg.Go(func() {
			if cat, err := c.Get(t.Context()); err != nil || cat.Version != first.Version+1 || cat.Subscriptions["sub_A"] == nil {
				t.Errorf("not the catalog that was written before, %v", err)
			}
		})
	}
	wg.Wait()
	if st.reads != 2 {
		t.Errorf("read %d times, want once per version", st.reads)
	}
}

func TestAPoolIsFoundByCodeWithinItsClient(t *testing.T) {
	t.Parallel()
	st := setup(t)
	for id, client := range map[string]string{"pol_1": "", "pol_2": "clt_A", "pol_3": "clt_B"} {
		write(t, st, encode(t, &resource.DispatchPool{Meta: resource.Meta{ID: id, ClientID: client}, Code: "fast"}))
	}
	cat := get(t, New(st, rot{}))
	for client, want := range map[string]string{"": "pol_1", "clt_A": "pol_2", "clt_C": "pol_1"} {
		if p := cat.PoolByCode("fast", client); p.ID != want {
			t.Errorf("client %q gets %s, want %s", client, p.ID, want)
		}
	}
	if p := cat.PoolByCode("unknown", "clt_A"); p.Code != resource.DefaultPool {
		t.Errorf("an unknown code gets %s", p.Code)
	}
}

func TestAPolicyIsWhatTheSubscriptionSays(t *testing.T) {
	t.Parallel()
	s := subscription("sub_A", func(s *resource.Subscription) {
		s.MaxRetries, s.MaxAgeSeconds, s.TimeoutSeconds, s.RetryJitter, s.RetryOn = 3, 3600, 20, 0.5, []int{422}
		s.RetryStrategy, s.RetrySchedule = resource.StrategyExponential, []resource.Duration{resource.Duration(time.Second)}
	})
	want := flow.Policy{MaxRetries: 3, MaxAge: time.Hour, Timeout: 20 * time.Second, Jitter: 0.5, RetryOn: []int{422},
		Strategy: flow.ExponentialBackoff, Schedule: []time.Duration{time.Second}}
	if got := Policy(s); !got.Equal(want) {
		t.Errorf("the policy is %+v, want %+v", got, want)
	}
}

func TestASubscriptionOfAClientShowsNoCredentialsOfOthers(t *testing.T) {
	t.Parallel()
	c := &Catalog{
		ServiceAccounts: map[string]*resource.ServiceAccount{}, Subscriptions: map[string]*resource.Subscription{},
		defaultPool: &resource.DispatchPool{},
	}
	for id, clients := range map[string][]string{"sac_own": {"acme"}, "sac_both": {"acme", "globex"}, "sac_all": {"*"}} {
		c.ServiceAccounts[id] = &resource.ServiceAccount{Meta: resource.Meta{ID: id}, Code: id, ClientIDs: clients,
			Webhook: &resource.WebhookCredentials{AuthType: "BEARER_TOKEN", Token: resource.NewSecret("t")}}
	}
	for _, tt := range []struct {
		client, account string
		waits           bool
	}{
		{"acme", "sac_own", false}, {"acme", "sac_both", true}, {"acme", "sac_all", true}, {"globex", "sac_own", true}, {"", "sac_all", false},
	} {
		c.Subscriptions["sub_1"] = &resource.Subscription{Meta: resource.Meta{ID: "sub_1", ClientID: tt.client}, Target: "https://hooks.example.com", ServiceAccountID: tt.account}
		r, known := c.RouteSubscription("sub_1")
		if !known || (r.Wait != "") != tt.waits {
			t.Errorf("%s with %s: known %v, waits for %q", tt.client, tt.account, known, r.Wait)
		}
	}
}
