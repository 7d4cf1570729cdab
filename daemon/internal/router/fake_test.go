package router

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// fakeStore is as much of a store as a router meets, in memory, with the
// compare-and-sets of the contract and failures on request. A job that
// becomes PENDING and is due is handed out again at once, as a scheduler
// would do, if handOut is set.
type fakeStore struct {
	store.Jobs
	store.Resources

	mu       sync.Mutex
	ids      flow.IDs
	jobs     map[flow.ID]*flow.Job
	events   map[flow.ID]*flow.Event
	attempts map[flow.ID][]flow.Attempt
	keys     map[string]flow.ID
	waiting  map[flow.OrderKey][]flow.ID // behind the holder
	holder   map[flow.OrderKey]flow.ID
	docs     []store.Document
	version  int64

	parks   []store.Park
	starts  int // calls of Start that did something
	changed chan struct{}
	fault   func(verb string) error
	handOut *queuetest.Fake
	// impatient hands parked jobs out again at once.
	impatient bool
}

func newFakeStore(q *queuetest.Fake) *fakeStore {
	return &fakeStore{
		jobs: map[flow.ID]*flow.Job{}, events: map[flow.ID]*flow.Event{}, attempts: map[flow.ID][]flow.Attempt{},
		keys: map[string]flow.ID{}, waiting: map[flow.OrderKey][]flow.ID{}, holder: map[flow.OrderKey]flow.ID{},
		changed: make(chan struct{}), handOut: q,
	}
}

func (s *fakeStore) lock(verb string) error {
	s.mu.Lock()
	if s.fault != nil {
		return s.fault(verb)
	}
	return nil
}

func (s *fakeStore) unlock() {
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
}

func (s *fakeStore) setFault(f func(verb string) error) {
	s.mu.Lock()
	s.fault = f
	s.unlock()
}

// declare writes resources, as the platform would.
func (s *fakeStore) declare(rs ...resource.Resource) {
	s.mu.Lock()
	defer s.unlock()
	s.version++
	for _, r := range rs {
		r.Defaults()
		d, err := catalog.Encode(r, plainSealer{})
		if err != nil {
			panic(err)
		}
		s.docs = slices.DeleteFunc(s.docs, func(o store.Document) bool { return o.Kind == d.Kind && o.ID == d.ID })
		s.docs = append(s.docs, d)
	}
}

type plainSealer struct{}

func (plainSealer) Seal(v string) (string, error) { return "sealed:" + v, nil }
func (plainSealer) Open(v string) (string, error) { return v[len("sealed:"):], nil }

func (s *fakeStore) Version(context.Context) (int64, error) {
	defer s.unlock()
	return s.version, s.lock("version")
}

func (s *fakeStore) Documents(context.Context, ...string) ([]store.Document, int64, error) {
	defer s.unlock()
	err := s.lock("documents")
	return slices.Clone(s.docs), s.version, err
}

// publish creates the job of an event and hands it out.
func (s *fakeStore) publish(j flow.Job, ev *flow.Event) flow.ID {
	s.mu.Lock()
	defer s.unlock()
	now := time.Now()
	j.ID, j.CreatedAt = s.ids.New(now), now
	if ev != nil {
		e := *ev
		e.ID = s.ids.New(now)
		if e.Time.IsZero() {
			e.Time = now
		}
		j.EventID = e.ID
		s.events[e.ID] = &e
	}
	if j.Policy.Timeout == 0 {
		j.Policy = flow.DefaultPolicy()
		j.Policy.Strategy = flow.NoDelay
	}
	s.jobs[j.ID] = &j
	if j.Ordered() {
		if _, held := s.holder[j.OrderKey]; held {
			j.Waiting = true
			s.waiting[j.OrderKey] = append(s.waiting[j.OrderKey], j.ID)
			return j.ID
		}
		s.holder[j.OrderKey] = j.ID
	}
	s.offer(&j)
	return j.ID
}

// offer hands a job out.
func (s *fakeStore) offer(j *flow.Job) {
	if s.handOut == nil {
		return
	}
	j.Status = flow.Queued
	j.Ticket++
	m := queue.Message{
		ID: queue.MessageID(j.ID.String(), j.Ticket), JobID: j.ID.String(), Ticket: j.Ticket,
		PoolCode: resource.DefaultPool, MediationType: queue.MediationHTTP, MediationTarget: "https://hooks.example.com/orders",
	}
	if err := s.handOut.Publish(context.Background(), []queue.Message{m}); err != nil {
		j.Status = flow.Pending // as a scheduler, it would come again
	}
}

func (s *fakeStore) Job(_ context.Context, _ store.Scope, id flow.ID) (store.JobView, error) {
	defer s.unlock()
	if err := s.lock("job"); err != nil {
		return store.JobView{}, err
	}
	j := s.jobs[id]
	if j == nil {
		return store.JobView{}, store.ErrNotFound
	}
	return store.JobView{Job: *j, Event: s.events[j.EventID]}, nil
}

func (s *fakeStore) InsertTasks(_ context.Context, jobs []flow.Job, now time.Time) ([]store.Inserted, error) {
	defer s.unlock()
	if err := s.lock("insert"); err != nil {
		return nil, err
	}
	out := make([]store.Inserted, len(jobs))
	for i, j := range jobs {
		key := j.ClientID + "/" + j.Task.IdempotencyKey
		if id, ok := s.keys[key]; ok {
			out[i] = store.Inserted{Job: *s.jobs[id], Duplicate: true}
			continue
		}
		j.ID = s.ids.New(now)
		s.keys[key] = j.ID
		s.jobs[j.ID] = &j
		s.offer(&j)
		out[i] = store.Inserted{Job: j}
	}
	return out, nil
}

func (s *fakeStore) Start(_ context.Context, starts []store.Start, now time.Time) ([]store.Started, error) {
	defer s.unlock()
	if err := s.lock("start"); err != nil {
		return nil, err
	}
	out := make([]store.Started, len(starts))
	for i, st := range starts {
		s.starts++
		j := s.jobs[st.Job]
		switch {
		case j == nil:
			out[i].Result = store.StartStale
			continue
		case j.Status == flow.Processing && now.Before(j.LeaseUntil):
			out[i] = store.Started{Result: store.StartLeased, Until: j.LeaseUntil}
		case j.Status == flow.Queued && j.Ticket == st.Ticket, j.Status == flow.Pending && j.Ticket == st.Ticket-1:
			*j = j.Started(st.Ticket, st.Owner, now.Add(j.Policy.Timeout+st.Slack), now)
			out[i] = store.Started{Result: store.StartOK, Event: s.events[j.EventID]}
		default:
			out[i].Result = store.StartStale
		}
		out[i].Job = *j
	}
	return out, nil
}

func (s *fakeStore) Record(_ context.Context, outcomes []store.Outcome, now time.Time) ([]store.Recorded, error) {
	defer s.unlock()
	if err := s.lock("record"); err != nil {
		return nil, err
	}
	out := make([]store.Recorded, len(outcomes))
	for i, o := range outcomes {
		j := s.jobs[o.Job.ID]
		if j.Status != flow.Processing || j.Attempts != o.Attempt.Number || j.LeaseOwner != o.Owner {
			out[i].Err = store.ErrConflict
			continue
		}
		*j = o.Job.Settled(j.CancelAsked, now)
		s.attempts[j.ID] = append(s.attempts[j.ID], o.Attempt)
		out[i].Job = *j
		if j.Ordered() && j.Opens() {
			s.pass(j.OrderKey)
		}
		if j.Status == flow.Pending && !j.Due.After(now) {
			s.offer(j)
		}
	}
	return out, nil
}

// pass gives the gate to the next in line.
func (s *fakeStore) pass(key flow.OrderKey) {
	next := s.waiting[key]
	if len(next) == 0 {
		delete(s.holder, key)
		return
	}
	s.holder[key], s.waiting[key] = next[0], next[1:]
	j := s.jobs[next[0]]
	j.Waiting = false
	s.offer(j)
}

func (s *fakeStore) Park(_ context.Context, parks []store.Park, now time.Time) error {
	defer s.unlock()
	if err := s.lock("park"); err != nil {
		return err
	}
	for _, p := range parks {
		s.parks = append(s.parks, p)
		if j := s.jobs[p.Job]; j != nil && j.Status == flow.Queued && j.Ticket == p.Ticket {
			j.Status, j.Due = flow.Pending, p.Until
			if s.impatient {
				s.offer(j)
			}
		}
	}
	return nil
}

// job is a copy of a job and its attempts.
func (s *fakeStore) job(id flow.ID) (flow.Job, []flow.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		return *j, slices.Clone(s.attempts[id])
	}
	return flow.Job{}, nil
}

// wait waits until the facts hold; the error says what it saw last.
func (s *fakeStore) wait(what string, holds func(s *fakeStore) bool) error {
	timeout := time.After(2 * time.Minute)
	for {
		s.mu.Lock()
		ok, changed := holds(s), s.changed
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-timeout:
			s.mu.Lock()
			defer s.mu.Unlock()
			seen := map[flow.Status]int{}
			for _, j := range s.jobs {
				seen[j.Status]++
			}
			return fmt.Errorf("waited 2 min for %s; jobs: %v, parks: %d", what, seen, len(s.parks))
		}
	}
}
