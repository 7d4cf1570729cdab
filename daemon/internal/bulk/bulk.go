package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/daemon/internal/backoff"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Store is the part of the store that the service uses.
type Store interface {
	store.Works
	store.Expunges
	store.Resources
	Event(ctx context.Context, sc store.Scope, id flow.ID) (flow.Event, error)
	ListJobs(ctx context.Context, sc store.Scope, q store.JobQuery) (store.JobPage, error)
	Lanes(ctx context.Context, after string, limit int) ([]store.Lane, error)
	Offer(ctx context.Context, lane string, window int, now time.Time) (store.Offer, error)
	Out(ctx context.Context, lanes ...string) ([]int, error)
	ListHolds(ctx context.Context, now time.Time) ([]store.Hold, error)
	Wakes() *store.Wakes
}

// Options make a Service. Store and Catalog are required.
type Options struct {
	Store   Store
	Catalog *catalog.Cache
	// PollInterval is how often it looks without being told. Default: 1 s.
	PollInterval time.Duration
	// Keep is how many finished pieces of work of each kind are remembered for
	// each owner. Default: 500.
	Keep       int
	Logger     *slog.Logger          // discards when nil
	Registerer prometheus.Registerer // metrics are not shown when nil
	Now        func() time.Time      // time.Now when nil
}

// stepJobs is the most that one commit makes or acts on.
const stepJobs = 25

// gatherTime is how long the service lets news of lanes gather: many jobs end
// in it, and one look serves them all.
const gatherTime = 10 * time.Millisecond

// Service carries out replays, letter tasks and expunges.
type Service struct {
	o     Options
	m     *metrics
	works map[flow.ID]*work
	tidy  int64 // the version at which finished work was last tidied away
}

// work is what the service remembers of a piece of work. Nothing of it must
// survive.
type work struct {
	replay   *replaying // nil of a letter task
	failures int
	again    time.Time // after a failure: not before
}

// New makes a service; Run starts it.
func New(o Options) (*Service, error) {
	if o.Store == nil || o.Catalog == nil {
		return nil, errors.New("new bulk service: store and catalog are required")
	}
	o.PollInterval = cmp.Or(o.PollInterval, time.Second)
	o.Keep = cmp.Or(o.Keep, 500)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("new bulk service: %w", err)
	}
	return &Service{o: o, m: m, works: map[flow.ID]*work{}, tidy: -1}, nil
}

// Run works until the context ends. Trouble with the store is waited out.
func (s *Service) Run(ctx context.Context) error {
	resources := s.o.Store.Wakes().Resources.Listen()
	defer resources.Close()
	// News of lanes come with every commit of live traffic, so they are
	// listened to only while there is something to carry out.
	var lanes *store.Listener
	defer func() {
		if lanes != nil {
			lanes.Close()
		}
	}()
	poll := time.NewTicker(s.o.PollInterval)
	defer poll.Stop()
	for {
		if len(s.works) > 0 && lanes == nil {
			lanes = s.o.Store.Wakes().Lanes.Listen()
		} else if len(s.works) == 0 && lanes != nil {
			lanes.Close()
			lanes = nil
		}
		moved, err := s.Step(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, store.ErrClosed):
			return nil
		case err != nil:
			s.m.errors.Inc()
			s.o.Logger.Error("bulk work can not be looked at; it is tried again", "error", err)
		case moved || len(s.works) > 0 && lanes == nil:
			continue
		}
		if !s.wait(ctx, resources, lanes, poll.C) {
			return nil
		}
	}
}

// wait returns once there may be something to do, or false at the end.
func (s *Service) wait(ctx context.Context, resources, lanes *store.Listener, poll <-chan time.Time) bool {
	var news <-chan struct{}
	if lanes != nil {
		news = lanes.C
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-poll:
			return true
		case <-resources.C:
			resources.Take()
			return true
		case <-news:
			if !backoff.Wait(ctx, gatherTime) {
				return false
			}
			keys, all := lanes.Take()
			if all || s.waitsForFanOut() || slices.ContainsFunc(keys, isReplay) {
				return true
			}
		}
	}
}

func isReplay(lane string) bool { return strings.HasPrefix(lane, flow.ReplayLanes) }

// waitsForFanOut says that some replay has come to events that are not fanned
// out yet, so that any lane's news may be that they are.
func (s *Service) waitsForFanOut() bool {
	for _, w := range s.works {
		if w.replay != nil && w.replay.ahead {
			return true
		}
	}
	return false
}

// Step does one step of each piece of work that runs, and says whether any of
// them moved. What fails waits a while and keeps none of the others.
func (s *Service) Step(ctx context.Context) (moved bool, err error) {
	cat, err := s.o.Catalog.Get(ctx)
	if err != nil {
		return false, err
	}
	running := map[flow.ID]bool{}
	step := func(id flow.ID, do func(context.Context, *catalog.Catalog, *work) (bool, error)) {
		running[id] = true
		w := s.works[id]
		if w == nil {
			w = new(work)
			s.works[id] = w
		}
		now := s.o.Now()
		if now.Before(w.again) || ctx.Err() != nil {
			return
		}
		more, failed := do(ctx, cat, w)
		switch {
		case failed == nil:
			w.failures = 0
			moved = moved || more
		case errors.Is(failed, store.ErrConflict):
			// Somebody else did this step, or changed the document. What is
			// remembered is old.
			w.replay = nil
			moved = true
		case errors.Is(failed, store.ErrClosed):
			err = failed
		case ctx.Err() == nil:
			w.failures++
			w.again = now.Add(backoff.Of(w.failures))
			w.replay = nil
			s.m.errors.Inc()
			s.o.Logger.Error("a step of bulk work failed; it is tried again", "work", id, "error", failed, "tries", w.failures)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(cat.Replays)) {
		if r := cat.Replays[id]; r.Status == flow.WorkRunning {
			step(id, func(ctx context.Context, cat *catalog.Catalog, w *work) (bool, error) {
				return s.replayStep(ctx, cat, r, w)
			})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(cat.LetterTasks)) {
		if t := cat.LetterTasks[id]; t.State == flow.WorkRunning {
			step(id, func(ctx context.Context, cat *catalog.Catalog, _ *work) (bool, error) {
				return s.letterStep(ctx, cat, t)
			})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(cat.Expunges)) {
		if x := cat.Expunges[id]; x.Status == flow.WorkRunning {
			step(id, func(ctx context.Context, _ *catalog.Catalog, _ *work) (bool, error) {
				return s.expungeStep(ctx, x)
			})
		}
	}
	for id := range s.works {
		if !running[id] {
			delete(s.works, id)
		}
	}
	if err == nil && s.tidy != cat.Version {
		if err = s.tidyUp(ctx, cat); err == nil {
			s.tidy = cat.Version
		}
	}
	return moved, err
}
