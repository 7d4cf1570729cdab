package listen

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

const secret = "whsec_Zm9yLXlvdXItb3duLW1hY2hpbmUtb25seQ=="

// line is the way to a daemon, which can be cut, and led to another. Each
// connection breaks by itself after some bytes, in the middle of anything.
type line struct {
	net.Listener
	mu    sync.Mutex
	rng   *rand.Rand
	to    string
	conns map[net.Conn]bool
}

func newLine(t *testing.T, rng *rand.Rand) *line {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &line{Listener: l, rng: rng, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); p.lead("") })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.carry(c)
		}
	}()
	return p
}

// lead cuts what is connected; from now on it leads there, or nowhere.
func (p *line) lead(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = strings.TrimPrefix(url, "http://")
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *line) carry(c net.Conn) {
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	s, err := net.Dial("tcp", cmp.Or(to, "127.0.0.1:1"))
	if err != nil {
		_ = c.Close()
		return
	}
	p.mu.Lock()
	if p.to != to {
		p.mu.Unlock()
		_, _ = c.Close(), s.Close()
		return
	}
	p.conns[c], p.conns[s] = true, true
	bytes := 10_000 + p.rng.Int64N(60_000)
	p.mu.Unlock()
	go func() { _, _ = io.Copy(s, c); _ = s.Close() }()
	_, _ = io.CopyN(c, s, bytes)
	_, _ = c.Close(), s.Close()
}

// current is the token of the daemon that runs now.
type current struct {
	mu    sync.Mutex
	token string
}

func (c *current) Token(context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token, nil
}
func (c *current) Reject(string) {}
func (c *current) set(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
}

// moody is a target that fails now and then, and notes what it has taken.
type moody struct {
	t     *testing.T
	mu    sync.Mutex
	rng   *rand.Rand
	taken []string
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, err := webhook.Parse(r, webhook.Verifier{Secrets: []string{secret}})
	if err != nil || !d.Envelope || d.DispatchJobID != d.EventID {
		m.t.Errorf("a delivery that can not be trusted: %v, %+v", err, d)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.rng.IntN(20) {
	case 0, 1:
		w.WriteHeader(http.StatusServiceUnavailable)
	case 2:
		_, _ = io.WriteString(w, `{"ack": false, "delaySeconds": 9}`)
	case 3:
		panic(http.ErrAbortHandler) // the answer breaks off
	default:
		m.taken = append(m.taken, d.EventID)
	}
}

func at(c *client.Client) func(context.Context, string, time.Time) iter.Seq2[client.Followed[client.Event], error] {
	return func(ctx context.Context, cursor string, since time.Time) iter.Seq2[client.Followed[client.Event], error] {
		return c.Events.Listen(ctx, client.EventFilter{Type: "shop:*:*:*", Since: since}, cursor)
	}
}

// Whatever is cut, restarted or answered badly, each event is taken once and in
// order, also by a second run that goes on where the first ended.
func TestEachEventIsTakenOnceAndInOrder(t *testing.T) {
	t.Parallel()
	const events, first = 300, 130
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	d := daemontest.Start(t, "")
	way, token := newLine(t, rand.New(rand.NewPCG(seed, 3))), &current{token: d.Token()}
	way.lead(d.URL("platform"))
	c, err := client.New(client.Options{URL: "http://" + way.Addr().String(), TokenSource: token})
	if err != nil {
		t.Fatal(err)
	}
	target := &moody{t: t, rng: rand.New(rand.NewPCG(seed, 2))}
	web := httptest.NewServer(target)
	t.Cleanup(web.Close)

	begun, file := make(chan bool), File{filepath.Join(t.TempDir(), "place.json")}
	var once sync.Once
	run := func(count int) (Summary, error) {
		to := NewTarget(web.URL)
		if to.Signer, err = webhook.NewSigner(webhook.StandardWebhooks, webhook.ISOMillis, secret); err != nil {
			return Summary{}, err
		}
		from, _, err := file.Load()
		if err != nil {
			return Summary{}, err
		}
		l := &Listener{
			Stream: at(c), Target: to, Count: count,
			Keep: func(p Place) error { once.Do(func() { close(begun) }); return file.Save(p) },
			Has: func(ctx context.Context, id string) (bool, error) {
				_, err := c.Events.Get(ctx, id)
				return client.StatusOf(err) != http.StatusNotFound, err
			},
			Say: func(format string, args ...any) { t.Logf(format, args...) }, Why: error.Error,
			Show:   func(*client.Event, *Outcome) error { return nil },
			Failed: func(*client.Event, Outcome, time.Duration) error { return nil },
			Wait:   func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		}
		return l.Run(t.Context(), from, time.Time{})
	}
	ended := make(chan error, 1)
	go func() {
		for _, count := range []int{first, events - first} {
			if sum, err := run(count); err != nil || sum.Taken != count || sum.Skipped != 0 {
				ended <- fmt.Errorf("%+v, %w", sum, err)
				return
			}
		}
		ended <- nil
	}()
	<-begun
	var ids []string
	for restarts := 0; len(ids) < events; {
		some := make([]client.NewEvent, min(1+rng.IntN(40), events-len(ids)))
		for i := range some {
			some[i] = client.NewEvent{Type: "shop:sales:order:placed", Data: map[string]int{"n": len(ids) + i}}
		}
		results, err := d.Client.Events.PublishBatch(t.Context(), some)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			ids = append(ids, r.ID)
		}
		switch rng.IntN(3) {
		case 0:
			way.lead(d.URL("platform"))
		case 1:
			if restarts++; restarts < 3 {
				way.lead("")
				d.Restart()
				token.set(d.Token())
				way.lead(d.URL("platform"))
			}
		}
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(target.taken, ids) {
		t.Errorf("taken are %d events\n%v\nnot these %d\n%v", len(target.taken), target.taken, len(ids), ids)
	}
}

// request is what a target got.
type request struct {
	header http.Header
	body   map[string]any
	raw    string
}

// What comes from a listener looks as what the router delivers.
func TestAnEventLooksAsADelivery(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	got := map[string]chan request{"/real": make(chan request, 1), "/here": make(chan request, 1)}
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		q := request{header: r.Header, raw: string(raw)}
		if err != nil || json.Unmarshal(raw, &q.body) != nil {
			t.Errorf("%v: %s", err, raw)
		}
		if _, err := webhook.Parse(withBody(r, raw), webhook.Verifier{Secrets: []string{secret}}); err != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		got[r.URL.Path] <- q
	}))
	t.Cleanup(web.Close)
	for _, make := range []struct {
		path string
		body map[string]any
	}{
		{"/api/connections", map[string]any{"code": "hooks", "name": "Hooks", "url": web.URL + "/real", "signing": map[string]any{"scheme": "standard-webhooks", "secret": secret}}},
		{"/api/subscriptions", map[string]any{"code": "all", "name": "All", "connectionCode": "hooks", "eventTypes": []any{map[string]any{"eventTypeCode": "shop:*:*:*"}}}},
	} {
		if _, err := d.Client.Call(t.Context(), "POST", make.path, nil, make.body); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	if _, err := d.Client.Events.Publish(t.Context(), client.NewEvent{
		Type: "shop:sales:order:placed", Source: "/shop?a=1&b", Subject: "order/ü", MessageGroup: "g", CorrelationID: "c-1",
		Data: json.RawMessage(`{"total": 1.50, "text": "<&>"}`), Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}); err != nil {
		t.Fatal(err)
	}
	to := NewTarget(web.URL + "/here")
	to.Agent = "FlowCatalyst/test"
	var err error
	if to.Signer, err = webhook.NewSigner(webhook.StandardWebhooks, webhook.ISOMillis, secret); err != nil {
		t.Fatal(err)
	}
	l := &Listener{Stream: at(d.Client), Target: to, Count: 1, Say: t.Logf, Show: func(*client.Event, *Outcome) error { return nil }}
	if _, err := l.Run(t.Context(), Place{}, begun.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	real, here := <-got["/real"], <-got["/here"]
	job := fmt.Sprint(real.body["dispatchJobId"])
	if raw := strings.ReplaceAll(real.raw, job, fmt.Sprint(real.body["id"])); raw != here.raw {
		t.Errorf("a delivery is  %s\nand here it is %s", raw, here.raw)
	}
	for name, values := range real.header {
		switch name {
		case "X-Flowcatalyst-Subscription-Id":
			continue // there is none
		case "X-Flowcatalyst-Timestamp", "Webhook-Timestamp", "Webhook-Signature":
			values = here.header[name] // of another time
		}
		if want := strings.ReplaceAll(strings.Join(values, ","), job, fmt.Sprint(real.body["id"])); want == "" || strings.Join(here.header[name], ",") != want {
			t.Errorf("%s is %q, not %q", name, here.header[name], want)
		}
	}
	for name := range here.header {
		if real.header[name] == nil && name != "Accept-Encoding" {
			t.Errorf("a delivery has no %s", name)
		}
	}
}

func withBody(r *http.Request, raw []byte) *http.Request {
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	return r
}
