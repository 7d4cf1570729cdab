//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

// The load of the kill test. Few enough events are open at once that every
// round ends soon, enough that each kill meets every stage at work.
const (
	concurrency = 16 // of each subscription's pool
	maxOpen     = 400
	batchSize   = 25
)

// TestKillLosesNothing kills fcd at random moments, again and again, while
// events flow, and then accounts for every event. FC_TEST_KILL_ROUNDS says how
// often it is killed; once by default.
func TestKillLosesNothing(t *testing.T) {
	rounds := 1
	if v := os.Getenv("FC_TEST_KILL_ROUNDS"); v != "" {
		var err error
		if rounds, err = strconv.Atoi(v); err != nil || rounds < 1 {
			t.Fatalf("FC_TEST_KILL_ROUNDS is %q, not a number of rounds", v)
		}
	}
	dir := t.TempDir()
	r := newRecorder(t)
	listen := quietPort(t)
	fcd := startDev(t, dir, listen)
	prepare(t, fcd, r)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var publishers sync.WaitGroup
	for p := range 4 {
		publishers.Go(func() {
			(&publisher{t: t, r: r, api: connect(t, fcd), name: fmt.Sprintf("single-%d", p), size: 1}).run(ctx)
		})
	}
	for p := range 2 {
		publishers.Go(func() {
			(&publisher{t: t, r: r, api: connect(t, fcd), name: fmt.Sprintf("batch-%d", p), size: batchSize}).run(ctx)
		})
	}

	for round := range rounds {
		before := r.delivered()
		moment := time.NewTimer(time.Duration(200+rand.IntN(800)) * time.Millisecond)
		<-moment.C
		fcd.until("deliveries go on", func() bool { return r.delivered() > before })
		fcd.kill(r)
		// Now and then it does not even come up before the next kill.
		for rand.IntN(4) == 0 {
			infant := spawn(t, dir, "dev", "--data-dir", "data", "--listen", listen, "--router-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
			<-time.NewTimer(time.Duration(rand.IntN(500)) * time.Millisecond).C
			infant.kill(r)
		}
		fcd = startDev(t, dir, listen)
		t.Logf("round %d: %d events accepted, %d deliveries", round+1, r.accepted(), r.delivered())
	}
	cancel()
	publishers.Wait()
	defer r.account(t)

	fcd.until("everything that was accepted is delivered", func() bool { return r.missing() == 0 })
	fcd.until("every job is at its end", func() bool {
		open, err := connect(t, fcd).Jobs.Page(t.Context(), client.JobFilter{Status: []string{"PENDING", "QUEUED", "PROCESSING"}}, "")
		return err == nil && len(open.Items) == 0
	})
	failed, err := connect(t, fcd).Jobs.Page(t.Context(), client.JobFilter{Status: []string{"FAILED", "EXPIRED", "CANCELLED"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range failed.Items {
		t.Errorf("job %s ended %s: %s", j.ID, j.Status, j.LastError)
	}
	if code := fcd.end(os.Interrupt); code != 0 {
		t.Errorf("fcd ended with code %d after a drain\n%s", code, fcd.output())
	}
}

// quietPort is a free port that no outgoing connection is given while fcd is
// down: those get theirs from 32768 on.
func quietPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("there is no free port")
	return ""
}

// kill ends the process without a word and notes when.
func (i *instance) kill(r *recorder) {
	i.t.Helper()
	if err := i.cmd.Process.Kill(); err != nil {
		i.t.Fatalf("kill fcd: %v\n%s", err, i.output())
	}
	<-i.exited
	r.killed()
}

func connect(t *testing.T, i *instance) *client.Client {
	// No retries of the client's own: the test has to know what it was told.
	c, err := client.New(client.Options{URL: i.URL, Token: i.AccessToken, Retries: -1})
	if err != nil {
		t.Error(err)
	}
	return c
}

// prepare subscribes the receiver to every event, in order and not.
func prepare(t *testing.T, i *instance, r *recorder) {
	t.Helper()
	api := connect(t, i)
	for _, mode := range []string{resource.ModeBlockOnError, resource.ModeImmediate} {
		code := strings.ToLower(strings.ReplaceAll(mode, "_", "-"))
		if _, err := api.Resources(resource.KindDispatchPool).Create(t.Context(), &resource.DispatchPool{Code: code, Concurrency: concurrency}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.Resources(resource.KindSubscription).Create(t.Context(), &resource.Subscription{
			Code: code, EventTypes: []resource.Binding{{EventTypeCode: "shop:*:*:*"}}, Target: r.URL + "/" + code,
			Mode: mode, DispatchPoolCode: code, TimeoutSeconds: 5, MaxRetries: 20, RetryStrategy: resource.StrategyImmediate,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// publisher publishes one event or batch after another, some of which share a
// message group that is its own. So it knows the order in which the events of
// a group were accepted.
type publisher struct {
	t    *testing.T
	r    *recorder
	api  *client.Client
	name string
	size int
	next int // number of the next event
}

func (p *publisher) run(ctx context.Context) {
	for ctx.Err() == nil {
		if !p.r.room(ctx) {
			return
		}
		events := make([]client.NewEvent, p.size)
		for i := range events {
			n := p.next
			p.next++
			e := client.NewEvent{
				Type: "shop:orders:order:placed", Source: "/shop", Subject: fmt.Sprintf("%s/%d", p.name, n),
				DeduplicationID: fmt.Sprintf("%s/%d", p.name, n), Data: map[string]int{"number": n},
			}
			if n%5 != 4 { // the rest has no group and no order
				e.MessageGroup = fmt.Sprintf("%s.%d", p.name, n%5)
			}
			events[i] = e
		}
		// Whoever does not know whether an event was accepted publishes it
		// again, or gives it up; both must be safe.
		for p.publish(ctx, events) != nil && rand.IntN(4) > 0 && ctx.Err() == nil {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// publish says which events it was promised. A request goes on when the test
// wants to end: its answer counts.
func (p *publisher) publish(ctx context.Context, events []client.NewEvent) error {
	ctx = context.WithoutCancel(ctx)
	if len(events) == 1 {
		got, err := p.api.Events.Publish(ctx, events[0])
		if err != nil {
			return p.known(err)
		}
		p.r.promise(got.ID, events[0].Subject)
		return nil
	}
	results, err := p.api.Events.PublishBatch(ctx, events)
	if err != nil {
		return p.known(err)
	}
	for i, res := range results {
		if !res.OK() {
			p.t.Errorf("event %s of a batch: %s %s", events[i].Subject, res.Status, res.Error)
			continue
		}
		p.r.promise(res.ID, events[i].Subject)
	}
	return nil
}

// known passes on the errors that a killed server causes; others are faults.
func (p *publisher) known(err error) error {
	if code := client.StatusOf(err); code != 0 {
		p.t.Errorf("publish as %s: %v", p.name, err)
	}
	return err
}
