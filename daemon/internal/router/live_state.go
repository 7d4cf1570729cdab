package router

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/router/pace"
	"github.com/flowcatalyst/fc/daemon/internal/router/rolling"
)

// State is a router at one moment, for people and programs that watch it.
type State struct {
	At       time.Time
	Instance string
	// InHand is how many messages are in memory; Waiting of them wait for a
	// slot, and Running are in their exchange.
	InHand, Waiting, Running int
	// Unwritten is how many outcomes the store does not take. Above 0 nothing
	// new starts.
	Unwritten int64
	Consumer  Consumer
	Pools     []PoolState     // by code
	Endpoints []EndpointState // the busiest first
}

// PoolState is one pool.
type PoolState struct {
	ID, Code, ClientID, Status string
	Slots                      int // exchanges at once
	Running                    int
	Waiting                    int // messages in memory that wait for a slot
	Capacity                   int // how many may, before they go back to the store
	Groups                     int // message groups with a message in memory
	Endpoints                  int // with work of late
	PerMinute                  float64
	// RateLimited says that messages wait now for the rate limit; GivenBack
	// counts those that would have waited too long.
	RateLimited bool
	GivenBack   uint64
	// Adaptive is how the pool finds its slots by itself; nil if they are fixed.
	Adaptive *pace.AdaptiveState
	rolling.Report
}

// EndpointState is one endpoint, over all pools.
type EndpointState struct {
	Endpoint       string // the connection's id, or the target
	ConnectionCode string
	URL            string
	ClientID       string
	Running        int
	Waiting        int
	Limit          int // exchanges at once; 0 is no limit of its own
	PerMinute      float64
	Breaker        BreakerState // zero if the router has nothing to say of it
	rolling.Report
}

// Consumer is how the router gets on with its queue.
type Consumer struct {
	Queue string
	// Asked is when the queue answered last, with messages or none, and Got
	// when it had some.
	Asked, Got time.Time
	Failures   int // in a row
	Error      string
	// Full says that nothing is taken now, because as much is in memory as
	// may be, or outcomes can not be written.
	Full bool
}

// consumer is what receive notes for Consumer.
type consumer struct {
	asked, got atomic.Int64 // Unix nanoseconds
	failures   atomic.Int64
	err        atomic.Pointer[string]
}

func (c *consumer) note(got int, err error, now time.Time) {
	if err != nil {
		text := err.Error()
		c.err.Store(&text)
		c.failures.Add(1)
		return
	}
	c.failures.Store(0)
	c.asked.Store(now.UnixNano())
	if got > 0 {
		c.got.Store(now.UnixNano())
	}
}

func (c *consumer) state() Consumer {
	s := Consumer{Asked: moment(c.asked.Load()), Got: moment(c.got.Load()), Failures: int(c.failures.Load())}
	if text := c.err.Load(); text != nil && s.Failures > 0 {
		s.Error = *text
	}
	return s
}

func moment(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}

// State looks at the router. It holds up nobody for longer than it takes to
// copy some numbers.
func (r *Router) State(ctx context.Context) State {
	cat := r.current(ctx)
	if cat == nil {
		cat = new(catalog.Catalog)
	}
	s := State{At: r.Now(), Instance: r.Instance, Unwritten: r.unwritten.Load(), Consumer: r.consumer.state()}
	s.Consumer.Queue = r.QueueName
	s.Consumer.Full = s.Unwritten > 0 || r.board.free() <= 0
	pools, ends := r.board.state(&s)
	for _, p := range cat.Pools {
		declared(pools, p)
	}
	s.Pools = make([]PoolState, 0, len(pools))
	poolWindows, endWindows := r.meters.seen.all()
	for key, p := range pools {
		if w := poolWindows[key]; w != nil {
			p.Report = w.Report(s.At)
		}
		p.GivenBack = r.meters.pool(p.Code).limited.n.Load()
		s.Pools = append(s.Pools, *p)
	}
	slices.SortFunc(s.Pools, func(a, b PoolState) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.ID, b.ID))
	})
	for key, w := range endWindows {
		e := ends[key]
		if e == nil {
			e = &EndpointState{Endpoint: key}
			ends[key] = e
		}
		e.Report = w.Report(s.At)
	}
	for _, k := range r.board.breakers(s.At) {
		e := ends[k.Endpoint]
		if e == nil {
			e = &EndpointState{Endpoint: k.Endpoint}
			ends[k.Endpoint] = e
		}
		e.Breaker = k
	}
	s.Endpoints = make([]EndpointState, 0, len(ends))
	for _, e := range ends {
		e.describe(cat)
		s.Endpoints = append(s.Endpoints, *e)
	}
	slices.SortFunc(s.Endpoints, func(a, b EndpointState) int {
		return cmp.Or(cmp.Compare(b.Running+b.Waiting, a.Running+a.Waiting),
			cmp.Compare(b.Last5Min.Latency.Samples, a.Last5Min.Latency.Samples), cmp.Compare(a.Endpoint, b.Endpoint))
	})
	return s
}

// describe fills in what only the declaration of an endpoint says.
func (e *EndpointState) describe(cat *catalog.Catalog) {
	e.URL = e.Endpoint
	if c := cat.Connections[e.Endpoint]; c != nil {
		e.ConnectionCode, e.URL, e.ClientID = c.Code, c.URL, c.ClientID
		e.Limit, e.PerMinute = c.MaxConcurrency, float64(c.RateLimit)
	}
}

// Endpoint is an endpoint of which the router may know nothing but what is
// declared.
func (r *Router) Endpoint(ctx context.Context, key string) EndpointState {
	e := EndpointState{Endpoint: key, URL: key}
	if cat := r.current(ctx); cat != nil {
		e.describe(cat)
	}
	return e
}

// declared adds a pool that is declared, or what only its declaration says.
func declared(pools map[string]*PoolState, d *resource.DispatchPool) {
	p := pools[d.ID]
	if p == nil {
		p = &PoolState{Slots: d.Concurrency, Capacity: 4 * d.Concurrency}
		pools[d.ID] = p
	}
	p.ID, p.Code, p.ClientID, p.Status, p.PerMinute = d.ID, d.Code, d.ClientID, d.Status, float64(d.RateLimit)
}

// all copies what windows there are.
func (s *figures) all() (pools, ends map[string]*rolling.Window) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pools, ends = make(map[string]*rolling.Window, len(s.pools)), make(map[string]*rolling.Window, len(s.ends))
	for k, w := range s.pools {
		pools[k] = w
	}
	for k, w := range s.ends {
		ends[k] = w
	}
	return pools, ends
}

// state copies the board's numbers, by key.
func (b *board) state(s *State) (pools map[string]*PoolState, ends map[string]*EndpointState) {
	pools, ends = map[string]*PoolState{}, map[string]*EndpointState{}
	groups := map[string]map[string]bool{}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.InHand, s.Waiting = len(b.all), b.waiting
	for key, p := range b.pools {
		s.Running += p.running
		pools[key] = &PoolState{
			ID: key, Code: p.code, Status: resource.PoolActive, Slots: p.slots(), Running: p.running, Waiting: p.wait,
			Capacity: 4 * p.slots(), RateLimited: p.wait > 0 && p.rate.Wait(0, s.At) > 0,
		}
		if a, ok := p.adapt.(*pace.Adaptive); ok {
			state := a.State()
			pools[key].Adaptive = &state
		}
		groups[key] = map[string]bool{}
		met := map[string]bool{} // a replay has a line of its own
		for _, l := range p.lines {
			met[l.end.key] = true
			e := ends[l.end.key]
			if e == nil {
				e = &EndpointState{Endpoint: l.end.key, Running: l.end.running}
				ends[l.end.key] = e
			}
			e.Waiting += l.fifo.len()
		}
		pools[key].Endpoints = len(met)
	}
	for _, d := range b.all {
		if d.line != nil && d.received.MessageGroupID != "" {
			groups[d.line.pool.key][d.received.MessageGroupID] = true
		}
	}
	for key, g := range groups {
		pools[key].Groups = len(g)
	}
	return pools, ends
}
