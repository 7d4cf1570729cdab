package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/daemon"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

const everything = `
service "platform" {}
service "stream" {}
service "scheduler" {}
service "router" {
  egress { deny_private = false }
}
`

func TestAnEventBecomesAWebhook(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	r := newReceiver(t, nil)
	subscribe(t, d, r.URL)
	p := publish(t, d)
	if got := r.await(t).Header.Get("X-FlowCatalyst-Event-Id"); got != p.ID {
		t.Errorf("delivered event %q, published %q", got, p.ID)
	}
	_, metrics := get(t, d.AdminURL()+"/metrics")
	for _, stage := range []string{"stream", "scheduler", "router", "total"} {
		if line := `fc_event_delivery_latency_seconds_count{stage="` + stage + `"} 1`; !strings.Contains(metrics, line) {
			t.Errorf("no %s in the metrics", line)
		}
	}
	_, health := get(t, d.AdminURL()+"/health")
	for _, part := range []string{"store", "queue default", "router", "scheduler", "stream", "platform"} {
		if !strings.Contains(health, `{"name":"`+part+`","status":"UP"}`) {
			t.Errorf("%s is not UP in %s", part, health)
		}
	}
	for _, listener := range []string{"platform", "router", "admin"} {
		if _, said := get(t, d.URL(listener)+"/nowhere"); !strings.Contains(said, `"code":"NOT_FOUND"`) {
			t.Errorf("the %s says of an unknown path: %s", listener, said)
		}
	}
}

func TestTwoDaemonsLiveInOneProcess(t *testing.T) {
	t.Parallel()
	a, b := daemontest.Start(t, everything), daemontest.Start(t, everything)
	ra, rb := newReceiver(t, nil), newReceiver(t, nil)
	subscribe(t, a, ra.URL)
	subscribe(t, b, rb.URL)
	pa, pb := publish(t, a), publish(t, b)
	if got := ra.await(t).Header.Get("X-FlowCatalyst-Event-Id"); got != pa.ID {
		t.Errorf("the first daemon delivered %q, not its %q", got, pa.ID)
	}
	a.Stop()
	if got := rb.await(t).Header.Get("X-FlowCatalyst-Event-Id"); got != pb.ID {
		t.Errorf("the second daemon delivered %q, not its %q", got, pb.ID)
	}
	pb = publish(t, b)
	if got := rb.await(t).Header.Get("X-FlowCatalyst-Event-Id"); got != pb.ID {
		t.Errorf("after the first stopped, the second delivered %q, not %q", got, pb.ID)
	}
}

// TestStartAndStopFromManyGoroutines does both at once: whoever wins, every
// call returns, and nothing is left open.
func TestStartAndStopFromManyGoroutines(t *testing.T) {
	before := goroutines()
	dir := t.TempDir()
	for round := range 8 {
		d, err := daemon.New(parse(t, `data_dir = "`+dir+`"
			admin { listen = "127.0.0.1:0" }
			service "platform" { listen = "127.0.0.1:0" }
			service "stream" {}
			service "scheduler" {}
			service "router" { listen = "127.0.0.1:0" }`), daemon.Options{LogOutput: &buffer{}})
		if err != nil {
			t.Fatal(err)
		}
		var (
			all     sync.WaitGroup
			mu      sync.Mutex
			started int
		)
		go1 := make(chan struct{})
		for range 10 {
			all.Go(func() {
				<-go1
				if d.Start(t.Context()) == nil {
					mu.Lock()
					started++
					mu.Unlock()
				}
			})
			all.Go(func() {
				<-go1
				for range round { // from at once to after some calls
					_ = d.Ready(t.Context())
				}
				if err := d.Stop(t.Context()); err != nil {
					t.Errorf("stop: %v", err)
				}
			})
		}
		close(go1)
		all.Wait()
		if started > 1 {
			t.Errorf("%d starts succeeded, want at most one", started)
		}
		if err := d.Start(t.Context()); err == nil {
			t.Error("a stopped daemon started")
		}
		if status, _ := get(t, d.URL("admin")+"/q/live"); d.URL("admin") != "" && status != 0 {
			t.Errorf("a stopped daemon answered %d", status)
		}
	}
	noMoreThan(t, before)
}

func TestNothingRunsAfterStop(t *testing.T) {
	before := goroutines()
	d := daemontest.Start(t, everything)
	r := newReceiver(t, nil)
	subscribe(t, d, r.URL)
	for range 20 {
		publish(t, d)
		r.await(t)
	}
	d.Stop()
	r.Close()
	client.DefaultHTTPClient.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	noMoreThan(t, before)
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	d, err := daemon.New(parse(t, `data_dir = "`+t.TempDir()+`"
		admin { listen = "127.0.0.1:0" }
		service "stream" {}`), daemon.Options{LogOutput: &buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	eventually(t, "ready", func() bool { return d.Ready(ctx) == nil })
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestStartHeedsItsContext(t *testing.T) {
	t.Parallel()
	d, err := daemon.New(parse(t, `data_dir = "`+t.TempDir()+`"
		admin { listen = "127.0.0.1:0" }
		service "platform" { listen = "127.0.0.1:0" }`), daemon.Options{LogOutput: &buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("start: %v, want it cancelled", err)
	}
	if err := d.Stop(t.Context()); err == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("stop after a failed start: %v, want the reason of its end", err)
	}
}

func TestADrainSaysSoAndLetsDeliveriesEnd(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	release := make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-release })
	subscribe(t, d, r.URL)
	if status, body := get(t, d.AdminURL()+"/q/ready"); status != http.StatusOK {
		t.Fatalf("ready: %d %s", status, body)
	}
	p := publish(t, d)
	r.await(t)

	admin, api := d.AdminURL(), d.URL("platform")
	stopped := make(chan struct{})
	go func() { defer close(stopped); d.Stop() }()
	eventually(t, "a drain that says so", func() bool {
		status, body := get(t, admin+"/q/ready")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "DRAINING")
	})
	eventually(t, "no new requests", func() bool { status, _ := get(t, api+"/health"); return status == 0 })
	if status, _ := get(t, admin+"/q/live"); status != http.StatusOK {
		t.Errorf("live: %d while draining", status)
	}
	select {
	case <-stopped:
		t.Fatal("the drain did not wait for the delivery")
	default:
	}
	close(release)
	<-stopped

	d.Restart()
	jobs, err := d.Client.Jobs.Page(t.Context(), client.JobFilter{EventID: p.ID}, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs.Items) != 1 || string(jobs.Items[0].Status) != "COMPLETED" || jobs.Items[0].AttemptCount != 1 {
		t.Errorf("jobs after the drain: %+v, want one that completed at its first attempt", jobs.Items)
	}
}

func TestADrainIsBoundedAndLosesNothing(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, `shutdown_timeout = "1s"`+everything)
	release := make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-release })
	subscribe(t, d, r.URL)
	p := publish(t, d)
	r.await(t)

	began := time.Now()
	d.Stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the drain took %s, with a shutdown_timeout of 1 s", took)
	}
	close(release)
	d.Restart()
	// The exchange that was cut off counts as failed, so its repetition may
	// be a minute away; that it is planned is what counts.
	eventually(t, "the job goes on", func() bool {
		jobs, err := d.Client.Jobs.Page(t.Context(), client.JobFilter{EventID: p.ID}, "")
		if err != nil {
			t.Fatal(err)
		}
		return len(jobs.Items) == 1 && (string(jobs.Items[0].Status) == "COMPLETED" || string(jobs.Items[0].Status) == "PENDING")
	})
}

// goroutines counts those that have anything to do with a daemon.
func goroutines() int { return len(stacks()) }

func stacks() [][]byte {
	buf := make([]byte, 4<<20)
	var out [][]byte
	for s := range bytes.SplitSeq(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
		if bytes.Contains(s, []byte("flowcatalyst/fc/daemon")) && !bytes.Contains(s, []byte("testing.tRunner")) {
			out = append(out, bytes.Clone(s))
		}
	}
	return out
}

func noMoreThan(t *testing.T, before int) {
	t.Helper()
	var left [][]byte
	defer func() {
		if t.Failed() && len(left) > before {
			t.Logf("%d goroutines, %d before:\n%s", len(left), before, bytes.Join(left, []byte("\n\n")))
		}
	}()
	eventually(t, "no goroutine left", func() bool { left = stacks(); return len(left) <= before })
}
