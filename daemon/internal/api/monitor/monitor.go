package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// Router is what is asked of a router.
type Router interface {
	State(ctx context.Context) router.State
	Endpoint(ctx context.Context, key string) router.EndpointState
	Flights(ctx context.Context, fits func(*router.Flight) bool, limit int) ([]router.Flight, int)
	ResetBreaker(ctx context.Context, endpoint string) (bool, error)
	InHand(ids []string, sees func(clientID string) bool) map[string]bool
	Purge(ctx context.Context) (router.Purged, error)
	Try(ctx context.Context, c *resource.Connection, eventType string, data json.RawMessage) router.Trial
}

// Holds is what is asked of the store.
type Holds interface {
	ListHolds(ctx context.Context, now time.Time) ([]store.Hold, error)
	Release(ctx context.Context, endpoint, reason string) error
}

// Options make a Monitor. All but Now are required.
type Options struct {
	Router    Router
	Holds     Holds
	Queue     queue.Queue
	QueueName string
	Warnings  *telemetry.Warnings
	Health    func(context.Context) telemetry.Report
	Now       func() time.Time // time.Now when nil
}

// Monitor watches one router. Its methods may be called from any goroutine.
type Monitor struct {
	o Options

	mu   sync.Mutex
	last Moment
}

// fresh is how old what is shown may be, and patience how long a store or a
// broker may take to answer.
const (
	fresh    = 500 * time.Millisecond
	patience = 2 * time.Second
)

// New makes a monitor.
func New(o Options) (*Monitor, error) {
	if o.Router == nil || o.Holds == nil || o.Queue == nil || o.Warnings == nil || o.Health == nil {
		return nil, errors.New("new monitor: router, holds, queue, warnings and health are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Monitor{o: o}, nil
}

// Moment is everything at one time.
type Moment struct {
	router.State
	Holds    map[string][]store.Hold // by endpoint
	Queue    *Queue                  // nil when it can not be asked
	Problems []string                // what can not be seen now, and why
}

// Queue is the router's queue.
type Queue struct {
	Name string
	queue.Stats
}

// Warnings are the process's warnings.
func (m *Monitor) Warnings() *telemetry.Warnings { return m.o.Warnings }

// Router is the router that is watched.
func (m *Monitor) Router() Router { return m.o.Router }

// Now is the monitor's clock.
func (m *Monitor) Now() time.Time { return m.o.Now() }

// Health asks after every part of the process.
func (m *Monitor) Health(ctx context.Context) telemetry.Report { return m.o.Health(ctx) }

// Publish puts messages into the router's queue.
func (m *Monitor) Publish(ctx context.Context, ms []queue.Message) error {
	return m.o.Queue.Publish(ctx, ms)
}

// Look returns everything as it is, or was half a second ago. Callers do not
// change what it returns.
func (m *Monitor) Look(ctx context.Context) Moment {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.o.Now()
	if age := now.Sub(m.last.At); age >= 0 && age < fresh {
		return m.last
	}
	// Others use the answer: who asked first may leave.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var (
		got   Moment
		parts sync.WaitGroup
		stats queue.Stats
		holds []store.Hold
		qErr  error
		hErr  error
		known = map[string]bool{}
	)
	parts.Go(func() { stats, qErr = m.o.Queue.Stats(ctx) })
	parts.Go(func() { holds, hErr = m.o.Holds.ListHolds(ctx, now) })
	got.State = m.o.Router.State(ctx)
	parts.Wait()
	got.At = now
	if qErr != nil {
		got.Problems = append(got.Problems, "the queue can not be asked: "+qErr.Error())
	} else {
		got.Queue = &Queue{m.o.QueueName, stats}
	}
	if hErr != nil {
		got.Problems = append(got.Problems, "the holds can not be read: "+hErr.Error())
	}
	got.Holds = make(map[string][]store.Hold, len(holds))
	for _, h := range holds {
		got.Holds[h.Endpoint] = append(got.Holds[h.Endpoint], h)
	}
	for _, e := range got.Endpoints {
		known[e.Endpoint] = true
	}
	for endpoint := range got.Holds {
		if !known[endpoint] {
			got.Endpoints = append(got.Endpoints, m.o.Router.Endpoint(ctx, endpoint))
		}
	}
	m.last = got
	return got
}

// forget makes the next Look a new one: something was changed.
func (m *Monitor) forget() {
	m.mu.Lock()
	m.last = Moment{}
	m.mu.Unlock()
}
