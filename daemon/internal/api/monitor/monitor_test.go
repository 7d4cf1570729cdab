package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// fake is a router and a store with holds.
type fake struct {
	ends  []router.EndpointState
	holds []store.Hold
	err   error
	looks int
	reset []string
}

func (f *fake) State(context.Context) router.State {
	f.looks++
	return router.State{Instance: "router-1", Endpoints: append([]router.EndpointState(nil), f.ends...)}
}

func (f *fake) Endpoint(_ context.Context, key string) router.EndpointState {
	return router.EndpointState{Endpoint: key, URL: key, ConnectionCode: "code of " + key}
}

func (f *fake) Flights(context.Context, func(*router.Flight) bool, int) ([]router.Flight, int) {
	return nil, 0
}

func (f *fake) Purge(context.Context) (router.Purged, error) { return router.Purged{}, nil }

func (f *fake) Try(context.Context, *resource.Connection, string, json.RawMessage) router.Trial {
	return router.Trial{}
}

func (f *fake) InHand([]string, func(string) bool) map[string]bool { return nil }

func (f *fake) ResetBreaker(_ context.Context, endpoint string) (bool, error) {
	f.reset = append(f.reset, "router "+endpoint)
	return true, nil
}

func (f *fake) ListHolds(context.Context, time.Time) ([]store.Hold, error) { return f.holds, f.err }

func (f *fake) Release(_ context.Context, endpoint, reason string) error {
	f.reset = append(f.reset, "store "+endpoint+" "+reason)
	return f.err
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// setup makes a monitor whose clock the test sets.
func setup(t *testing.T, f *fake) (*Monitor, *time.Time, queue.Queue) {
	t.Helper()
	now := noon
	q := queuetest.NewFake(queuetest.FakeOptions{})
	m, err := New(Options{Router: f, Holds: f, Queue: q, QueueName: "default", Warnings: telemetry.NewWarnings(nil),
		Health: telemetry.NewHealth().Report, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return m, &now, q
}

func TestHoweverManyLookThePartsAreAskedTwiceASecond(t *testing.T) {
	t.Parallel()
	f := &fake{}
	m, now, _ := setup(t, f)
	for range 10 {
		m.Look(t.Context())
		*now = now.Add(100 * time.Millisecond)
	}
	if f.looks != 2 {
		t.Errorf("asked %d times", f.looks)
	}
	*now = noon // the clock was set back
	if m.Look(t.Context()); f.looks != 3 {
		t.Errorf("asked %d times after the clock stepped back", f.looks)
	}
	if err := m.Reset(t.Context(), "con_1"); err != nil {
		t.Fatal(err)
	}
	if m.Look(t.Context()); f.looks != 4 {
		t.Errorf("asked %d times after a change", f.looks)
	}
	if got := strings.Join(f.reset, ", "); got != "router con_1, store con_1 BREAKER, store con_1 RETRY_AFTER" {
		t.Errorf("reset: %s", got)
	}
}

func TestWhatCanNotBeHadIsNamedAndTheRestIsShown(t *testing.T) {
	t.Parallel()
	f := &fake{err: errors.New("it is away"), ends: []router.EndpointState{{Endpoint: "con_1"}}}
	m, _, q := setup(t, f)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	got := m.Look(t.Context())
	if len(got.Problems) != 2 || got.Queue != nil || got.Instance != "router-1" || len(got.Breakers()) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestABreakerIsWhatTheRouterSaysOrElseTheHold(t *testing.T) {
	t.Parallel()
	hold := func(until time.Duration, window int) []store.Hold {
		return []store.Hold{{Endpoint: "con_1", Reason: store.HoldBreaker, Until: noon.Add(until), Window: window, Trips: 2, Detail: "by another router", Since: noon.Add(-time.Minute)}}
	}
	local := func(state string, window int) router.BreakerState {
		return router.BreakerState{Endpoint: "con_1", State: state, Since: noon, Until: noon.Add(5 * time.Second), Window: window, Trips: 1, Detail: "by this router", LastError: "refused"}
	}
	for _, c := range []struct {
		name  string
		here  router.BreakerState
		holds []store.Hold
		state BreakerState
		why   string
		says  string
	}{
		{"nothing is known", router.BreakerState{}, nil, Closed, "", "gets all it may"},
		{"another opened it", local("CLOSED", 0), hold(10*time.Second, 1), Open, "by another router", "2nd time in a row; nothing is sent for another 10s"},
		{"another probes", local("CLOSED", 0), hold(-time.Second, 1), HalfOpen, "by another router", "one delivery at a time probes"},
		{"another lets more through", local("CLOSED", 0), hold(-time.Second, 8), HalfOpen, "by another router", "8 may begin"},
		{"it opened here", local("OPEN", 1), nil, Open, "by this router", "1st time in a row; nothing is sent for another 5s"},
		{"it probes here", local("HALF_OPEN", 1), hold(10*time.Second, 1), HalfOpen, "by this router", "one delivery at a time probes"},
		{"it closes here", local("CLOSING", 1), hold(-time.Second, 1), HalfOpen, "by this router", "1 may begin in this second"},
	} {
		m, _, _ := setup(t, &fake{ends: []router.EndpointState{{Endpoint: "con_1", Breaker: c.here}}, holds: c.holds})
		got := m.Look(t.Context())
		bs := got.Find("con_1", everyone)
		if len(bs) != 1 || bs[0].State != c.state || bs[0].Why != c.why || !strings.Contains(bs[0].Story(got.At), c.says) {
			t.Errorf("%s: %+v", c.name, bs)
		}
	}
}

func TestEndpointsThatAreOnlyHeldAreFoundByTheirConnectionToo(t *testing.T) {
	t.Parallel()
	m, _, _ := setup(t, &fake{holds: []store.Hold{
		{Endpoint: "con_2", Reason: store.HoldRetryAfter, Until: noon.Add(time.Minute)},
		{Endpoint: "con_1", Reason: store.HoldBreaker, Until: noon.Add(time.Minute), Window: 1},
	}})
	got := m.Look(t.Context())
	if bs := got.Breakers(); len(bs) != 2 || bs[0].Endpoint.Endpoint != "con_1" || bs[1].State != Closed || len(bs[1].Held) != 1 {
		t.Errorf("%+v", bs)
	}
	if bs := got.Find("code of con_1", everyone); len(bs) != 1 || bs[0].State != Open {
		t.Errorf("%+v", bs)
	}
	if bs := got.Find("con_1", func(string) bool { return false }); len(bs) != 0 {
		t.Error("found by one who may not see it")
	}
}

func everyone(string) bool { return true }

func TestACodeOfSeveralClientsNamesThemAll(t *testing.T) {
	t.Parallel()
	m, _, _ := setup(t, &fake{ends: []router.EndpointState{
		{Endpoint: "con_1", ConnectionCode: "hooks", ClientID: "clt_A"},
		{Endpoint: "con_2", ConnectionCode: "hooks", ClientID: "clt_B"},
		{Endpoint: "hooks", ClientID: "clt_C"},
	}})
	got := m.Look(t.Context())
	for name, c := range map[string]struct {
		sees func(string) bool
		want string
	}{
		"by key":               {everyone, "[hooks]"},
		"by code, two clients": {func(id string) bool { return id != "clt_C" }, "[con_1 con_2]"},
		"by code, one client":  {func(id string) bool { return id == "clt_B" }, "[con_2]"},
	} {
		var found []string
		for _, b := range got.Find("hooks", c.sees) {
			found = append(found, b.Endpoint.Endpoint)
		}
		if fmt.Sprint(found) != c.want {
			t.Errorf("%s: found %v, want %s", name, found, c.want)
		}
	}
}
