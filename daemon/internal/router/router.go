package router

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// The number of committers of each kind: one commits while the other takes
// what came meanwhile.
const committers = 2

// Router delivers. Make it with New and give it one Run.
type Router struct {
	Options
	board    *board
	meters   *meters
	courier  *courier.Courier
	trialIDs flow.IDs
	alarms   alarms
	// exchange is the courier's, but for tests.
	exchange func(context.Context, *courier.Order, *courier.Desk) flow.Attempt
	catalog  atomic.Pointer[catalog.Catalog] // the last one known

	work     chan *delivery // to workers that are idle
	outcomes *funnel[*delivery]
	acks     *funnel[queue.Received]
	returns  *funnel[giveBack]
	gone     *funnel[string]
	keeps    *funnel[holdChange]

	seeded chan struct{} // closed when the store's holds are known

	unwritten atomic.Int64 // committers whose outcomes the store does not take

	hard context.Context // for store and queue; ends when a drain gives up
	cut  context.Context // for exchanges; ends when a drain has waited enough
	fail func(error)     // ends Run: there is no going on
	ran  atomic.Bool

	consumer consumer
}

// giveBack is a message whose hand-over ends without an exchange.
type giveBack struct {
	received queue.Received
	kind     giveBackKind
	delay    time.Duration // nack
	reason   string        // dead letter
	park     store.Park
}

type giveBackKind uint8

const (
	byNack giveBackKind = iota
	byPark
	byDeadLetter
)

// New makes a router. Nothing runs before Run.
func New(o Options) (*Router, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	m := newMeters()
	r := &Router{
		Options: o, meters: m, board: newBoard(o.MaxHeld, m),
		work: make(chan *delivery), outcomes: newFunnel[*delivery](), acks: newFunnel[queue.Received](),
		returns: newFunnel[giveBack](), gone: newFunnel[string](), keeps: newFunnel[holdChange](), seeded: make(chan struct{}),
	}
	r.board.notable, r.board.newRate = o.Holds != nil, o.Rate
	m.board = r.board
	r.courier = courier.New(courier.Options{
		Egress: o.Egress, Roots: o.Roots, UserAgent: "FlowCatalyst/" + o.Version, Instance: o.Instance, Now: o.Now,
	})
	r.exchange = r.courier.Exchange
	return r, nil
}

// Run delivers until ctx ends, then drains and returns nil. It returns an
// error only if it can not go on: the store or the queue was closed, or the
// metrics' names are taken. A store or queue that is away is waited for.
func (r *Router) Run(ctx context.Context) error {
	if r.ran.Swap(true) {
		return errors.New("run router: it ran already; make a new one")
	}
	undo, err := r.meters.register(r.Registerer)
	if err != nil {
		return fmt.Errorf("run router: register metrics: %w", err)
	}
	defer undo()
	defer r.courier.Close()

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hard, stopHard := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHard()
	cut, stopCut := context.WithCancelCause(hard)
	defer stopCut(nil)
	r.hard, r.cut, r.fail = hard, cut, stop
	uncut := context.AfterFunc(cut, r.courier.CutAll)
	defer uncut()

	var receivers, starters, pacers, workers, chores, writers, settlers sync.WaitGroup
	startStop, paceStop, workStop := make(chan struct{}), make(chan struct{}), make(chan struct{})
	choreStop, settleStop := make(chan struct{}), make(chan struct{})
	receivers.Go(func() {
		if err := r.receive(ctx); err != nil {
			stop(err)
		}
	})
	for range committers {
		starters.Go(func() { r.start(startStop, workStop, &workers) })
		writers.Go(func() {
			var spare []store.Outcome
			r.outcomes.run(recordBatch, func(ds []*delivery) { spare = r.record(ds, spare) })
		})
		settlers.Go(func() { r.acks.run(ackBatch, r.ack) })
	}
	pacers.Go(func() { r.pace(paceStop, workStop, &workers) })
	chores.Go(func() { r.doChores(choreStop) })
	settlers.Go(func() { r.returns.run(ackBatch, r.giveBack) })
	settlers.Go(func() { r.keeps.run(keepBatch, r.keep) })
	settlers.Go(func() { r.watchHolds(settleStop) })
	settlers.Go(func() { r.gone.run(1, r.pause) })
	settlers.Go(func() { r.tick(settleStop) })
	settlers.Go(func() { r.extend(settleStop) })

	<-ctx.Done()
	r.Logger.Info("router drains", "shutdown_timeout", r.ShutdownTimeout.Round(100*time.Millisecond))
	patience := time.AfterFunc(r.ShutdownTimeout, func() { stopCut(courier.ErrCut) })
	defer patience.Stop()
	last := time.AfterFunc(r.ShutdownTimeout+r.WriteTimeout, stopHard)
	defer last.Stop()

	receivers.Wait()
	r.nack(r.board.close()...)
	close(startStop)
	starters.Wait()
	close(paceStop)
	pacers.Wait()
	close(workStop)
	workers.Wait()
	close(choreStop)
	chores.Wait()
	r.outcomes.close()
	writers.Wait()
	r.acks.close()
	r.returns.close()
	r.gone.close()
	r.keeps.close()
	close(settleStop)
	settlers.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("run router: %w", err)
	}
	return nil
}

// nack returns deliveries to the queue at once.
func (r *Router) nack(ds ...*delivery) {
	if len(ds) == 0 {
		return
	}
	backs := make([]giveBack, len(ds))
	for i, d := range ds {
		backs[i] = giveBack{received: d.received, kind: byNack}
	}
	r.board.drop(ds...)
	r.returns.put(backs...)
}

// park gives deliveries back to the store until their time.
func (r *Router) park(ps []parked) {
	for _, p := range ps {
		r.board.drop(p.d)
		r.returns.put(giveBack{
			received: p.d.received, kind: byPark,
			park: store.Park{Job: p.d.id, Ticket: p.d.received.Ticket, Until: p.until},
		})
	}
}

const (
	tickEvery = 100 * time.Millisecond
	tidyEvery = 5 * time.Second
)

// tick brings the board up to the catalog and sweeps it.
func (r *Router) tick(stop <-chan struct{}) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	tidied := time.Now()
	for {
		select {
		case <-t.C:
		case <-stop:
			return
		}
		before := r.catalog.Load()
		if cat := r.current(r.hard); cat != nil && cat != before {
			r.courier.Forget()
			r.board.reroute(cat, r.Now())
		}
		r.board.advance(r.Now())
		r.board.sweep(r.Now())
		if time.Since(tidied) > tidyEvery {
			tidied = time.Now()
			r.courier.Tidy(tidied)
			r.board.tidy(r.Now())
			r.watch(r.Now())
			r.forget(r.Now())
		}
	}
}

// current is the catalog of the store's version, or the last one known while
// the store can not say. It is nil only if none was ever read.
func (r *Router) current(ctx context.Context) *catalog.Catalog {
	cat, err := r.Catalog.Get(ctx)
	if err != nil {
		return r.catalog.Load()
	}
	r.catalog.Store(cat)
	return cat
}

// extend keeps the queue's leases of all messages in memory.
func (r *Router) extend(stop <-chan struct{}) {
	lease := r.Queue.Features().Visibility
	if lease <= 0 {
		lease = 30 * time.Second
	}
	t := time.NewTicker(max(lease/6, 10*time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-stop:
			return
		}
		now := time.Now()
		rs := r.board.leases(now.Add(-lease/3), now)
		if len(rs) == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(r.hard, max(lease/3, time.Second))
		if err := r.Queue.Extend(ctx, rs, lease); err != nil && !errors.Is(err, queue.ErrLeaseLost) {
			// The messages may come again; Start tells the copies apart.
			r.Logger.Warn("leases in the queue not extended", "messages", len(rs), "error", err)
		}
		cancel()
	}
}

// backoff waits before try n, from 0, of something that failed: 20 ms doubling
// to 2 s. It is false if done was closed meanwhile.
func backoff(done <-chan struct{}, n int) bool {
	t := time.NewTimer(min(20*time.Millisecond<<min(n, 10), 2*time.Second))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	}
}
