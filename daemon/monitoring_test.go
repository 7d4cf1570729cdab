package daemon_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// atRouter is a client of the router's own listener.
func atRouter(t *testing.T, d *daemontest.Daemon, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{URL: d.URL("router"), Token: token, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheRouterIsSeenThroughBothDoors(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	r := newReceiver(t, nil)
	subscribe(t, d, r.URL)
	publish(t, d)
	r.await(t)
	for name, c := range map[string]*client.Client{"platform": d.Client, "router": atRouter(t, d, d.Token())} {
		eventually(t, "the delivery is counted at the "+name, func() bool {
			es, err := c.Router.Endpoints(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			return es.Total == 1 && es.Endpoints[0].URL == r.URL && es.Endpoints[0].Metrics.Last5Min.TotalSuccess == 1
		})
		s, err := c.Router.Snapshot(t.Context())
		if err != nil || !s.Consumer.Healthy || len(s.Queues) != 1 || len(s.Problems) > 0 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if _, err := atRouter(t, d, "").Router.Snapshot(t.Context()); client.StatusOf(err) != http.StatusUnauthorized {
		t.Errorf("without a token: %v", err)
	}
	if status, body := get(t, d.URL("router")+"/health"); status != 200 || !strings.Contains(body, `"UP"`) {
		t.Errorf("health without a token: %d %s", status, body)
	}
}

func TestTheRoutersListenerCanBeOpen(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, `
		service "platform" {}
		service "stream" {}
		service "scheduler" {}
		service "router" {
		  auth = false
		  egress { deny_private = false }
		}`)
	c := atRouter(t, d, "")
	if got, err := c.Router.AreInFlight(t.Context(), "m-1"); err != nil || got["m-1"] {
		t.Errorf("%v, %v", got, err)
	}
	// What a producer publishes there becomes a job and is delivered.
	r := newReceiver(t, nil)
	body := strings.NewReader(`{"id":"m-1","mediationTarget":"` + r.URL + `","payload":"{\"n\":1}"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL("router")+"/api/router/publish", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("published: %d", res.StatusCode)
	}
	r.await(t)
}

func TestAPoolThatIsTunedTakesMoreAtOnceWithoutARestart(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	leave := make(chan struct{})
	defer close(leave) // before the receiver waits for who is within
	var within atomic.Int32
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) { within.Add(1); <-leave })
	if _, err := d.Client.Resources(resource.KindDispatchPool).Create(t.Context(), &resource.DispatchPool{Code: "narrow", Concurrency: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client.Resources(resource.KindSubscription).Create(t.Context(), &resource.Subscription{
		Code: "orders", EventTypes: []resource.Binding{{EventTypeCode: "shop:*:*:*"}}, Target: r.URL, DispatchPoolCode: "narrow",
	}); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		publish(t, d)
	}
	r.await(t)
	four := 4
	began := time.Now()
	if err := d.Client.Router.TunePool(t.Context(), "narrow", client.PoolTuning{Concurrency: &four}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "four exchanges at once", func() bool { return within.Load() == 4 })
	took := time.Since(began)
	t.Logf("in effect after %v", took)
	if took > 5*time.Second { // a second, on a machine with time to spare
		t.Errorf("it took %v", took)
	}
	fs, err := d.Client.Router.InFlight(t.Context(), client.InFlightFilter{PoolCode: "narrow", State: "STARTED"})
	if err != nil || len(fs.Messages) < 4 || fs.Messages[0].TargetURL != r.URL || fs.Messages[0].JobID == "" {
		t.Errorf("in flight: %+v, %v", fs, err)
	}
	if got, err := d.Client.Router.AreInFlight(t.Context(), fs.Messages[0].JobID, "no-such"); err != nil || !got[fs.Messages[0].JobID] || got["no-such"] {
		t.Errorf("%v, %v", got, err)
	}
}

func TestABreakerOpensIsExplainedAndIsResetByHand(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	var mended atomic.Bool
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if !mended.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	subscribe(t, d, r.URL)
	for range 12 {
		publish(t, d)
	}
	var b client.Breaker
	eventually(t, "the breaker is open", func() bool {
		bs, err := d.Client.Router.Breakers(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(bs.Breakers) > 0 {
			b = bs.Breakers[0]
		}
		return b.State == client.BreakerOpen
	})
	if b.Target != r.URL || b.ResetAt.IsZero() || !strings.Contains(b.Why, "500") || b.Story == "" || b.LastError == "" {
		t.Errorf("%+v", b)
	}
	eventually(t, "a warning", func() bool {
		ws, err := d.Client.Router.Warnings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range ws {
			if w.Category == "BREAKER" && w.Source == r.URL {
				return true
			}
		}
		return false
	})
	mended.Store(true)
	after, err := d.Client.Router.ResetBreaker(t.Context(), r.URL)
	if err != nil || after.State == client.BreakerOpen {
		t.Fatalf("after the reset: %+v, %v", after, err)
	}
	eventually(t, "it stays closed", func() bool {
		bs, err := d.Client.Router.Breakers(t.Context(), 0)
		return err == nil && bs.TotalOpen == 0 && bs.TotalHalfOpen == 0
	})
}

func TestStoppingDoesNotWaitForWhoeverWatches(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	seen, ended := make(chan struct{}), make(chan struct{})
	c := d.Client
	go func() {
		defer close(ended)
		first := sync.OnceFunc(func() { close(seen) })
		for _, err := range c.Router.Watch(t.Context()) {
			if err != nil {
				return
			}
			first()
		}
	}()
	<-seen
	began := time.Now()
	d.Stop()
	if took := time.Since(began); took > 8*time.Second { // an open request would take 10
		t.Errorf("it took %v", took)
	}
	<-ended
}
