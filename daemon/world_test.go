package daemon_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

const eventType = "shop:orders:order:placed"

// receiver takes deliveries and says so.
type receiver struct {
	*httptest.Server
	got chan *http.Request // the body is read
}

// newReceiver answers each delivery with answer, or 200 when it is nil.
func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	r := &receiver{got: make(chan *http.Request, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if _, err := io.Copy(io.Discard, q.Body); err != nil {
			t.Errorf("read a delivery: %v", err)
		}
		r.got <- q
		if answer != nil {
			answer(w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) await(t *testing.T) *http.Request {
	t.Helper()
	select {
	case q := <-r.got:
		return q
	case <-time.After(patience):
		t.Fatalf("nothing was delivered within %s", patience)
		return nil
	}
}

// subscribe sends every event to a target.
func subscribe(t *testing.T, d *daemontest.Daemon, target string) {
	t.Helper()
	_, err := d.Client.Resources(resource.KindSubscription).Create(t.Context(), &resource.Subscription{
		Code: "orders", EventTypes: []resource.Binding{{EventTypeCode: "shop:*:*:*"}}, Target: target,
	})
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
}

func publish(t *testing.T, d *daemontest.Daemon) *client.Published {
	t.Helper()
	p, err := d.Client.Events.Publish(t.Context(), client.NewEvent{Type: eventType, Source: "/shop", Data: map[string]int{"total": 7}})
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	return p
}

// get returns the status and body of an answer; status 0 means that nobody
// answered.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// patience is for how long tests wait for facts: a busy machine is no fault.
const patience = 2 * time.Minute

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// parse reads a configuration on free loopback ports.
func parse(t *testing.T, hcl string) *config.Daemon {
	t.Helper()
	cfg, diags := config.ParseDaemon(map[string][]byte{"test.hcl": []byte(hcl)}, func(string) (string, bool) { return "", false })
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	return cfg
}

// buffer is a log that a test reads.
type buffer struct {
	mu sync.Mutex
	b  []byte
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b = append(b.b, p...)
	return len(p), nil
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.b)
}
