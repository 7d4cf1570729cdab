package queuetest

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// ticket is what the model knows of one message.
type ticket struct {
	lingers bool // a crash may take it
	state   state
	lease   int       // the delivery that holds it, when leased
	due     time.Time // when it may be received (again)
	seen    int       // deliveries since the queue was opened
}

type state int

const (
	waiting state = iota
	leased
	gone
	perhaps // the contract leaves open whether it is gone, as after a late ack
)

// delivery is a handle that was received once, and stays usable in the model
// long after its lease ended: that is where the interesting mistakes are.
type delivery struct {
	queue.Received
	epoch int
}

type model struct {
	*rapid.T
	backend    Backend
	dir        string
	clock      *clock
	q          queue.Queue
	tickets    map[string]*ticket
	deliveries []delivery
	epoch      int // counts the crashes
	dead       int // letters that must be there
	deadMaybe  int // letters that may be there as well
}

// checkModel runs random verbs against the queue and a model of the contract.
func checkModel(t *testing.T, b Backend) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "model")
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{
			T: rt, backend: b, dir: dir, tickets: map[string]*ticket{},
			clock: &clock{frozen: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		}
		m.q = b.Open(t, dir, m.clock.Now)
		defer func() {
			if err := m.q.Close(); err != nil {
				rt.Errorf("close: %v", err)
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"publish":     func(rt *rapid.T) { m.T = rt; m.publish() },
			"receive":     func(rt *rapid.T) { m.T = rt; m.receive(rapid.IntRange(1, 4).Draw(rt, "max")) },
			"ack":         func(rt *rapid.T) { m.T = rt; m.ack() },
			"nack":        func(rt *rapid.T) { m.T = rt; m.nack() },
			"extend":      func(rt *rapid.T) { m.T = rt; m.extend() },
			"dead letter": func(rt *rapid.T) { m.T = rt; m.bury() },
			"advance": func(rt *rapid.T) {
				m.clock.advance(b.Features.Visibility / 2 * time.Duration(rapid.IntRange(1, 3).Draw(rt, "halves")))
			},
			"crash": func(rt *rapid.T) { m.T = rt; m.crash(t) },
			"":      func(rt *rapid.T) { m.T = rt; m.stats() },
		})
		m.drain()
	})
}

func (m *model) publish() {
	name, size := fmt.Sprint("job-", len(m.tickets)), rapid.IntRange(1, 4).Draw(m.T, "size")
	batch, lingers := Tickets(name, size), m.backend.Features.Linger > 0
	switch rapid.IntRange(0, 3).Draw(m.T, "foreign") {
	case 0:
		batch, lingers = Foreign(name, size), false
	case 1:
		batch, lingers = append(batch, Foreign("order-"+name, 1)...), false
	}
	if err := m.q.Publish(m.Context(), batch); err != nil {
		m.Fatalf("publish: %v", err)
	}
	for _, msg := range batch {
		m.tickets[msg.ID] = &ticket{due: m.clock.Now(), lingers: lingers}
	}
}

func (m *model) receive(limit int) int {
	must := 0
	for _, t := range m.tickets {
		if (t.state == waiting || t.state == leased) && !t.due.After(m.clock.Now()) {
			must++
		}
	}
	got, err := m.q.Receive(m.Context(), limit, 0)
	if err != nil {
		m.Fatalf("receive: %v", err)
	}
	if len(got) > limit || must > 0 && len(got) == 0 {
		m.Fatalf("received %d of at most %d messages while %d were due", len(got), limit, must)
	}
	for _, r := range got {
		t := m.tickets[r.ID]
		if t == nil || t.state == gone || t.due.After(m.clock.Now()) {
			m.Fatalf("received %s, which is %+v", r.ID, t)
		}
		t.seen++
		if r.Deliveries != t.seen {
			m.Fatalf("%s has %d deliveries, want %d", r.ID, r.Deliveries, t.seen)
		}
		*t = ticket{
			state: leased, lease: len(m.deliveries), seen: t.seen, lingers: t.lingers,
			due: m.clock.Now().Add(m.backend.Features.Visibility),
		}
		m.deliveries = append(m.deliveries, delivery{r, m.epoch})
	}
	return len(got)
}

// some draws old and new deliveries of this epoch, the newest more often.
func (m *model) some() (picked []int, received []queue.Received) {
	if len(m.deliveries) == 0 {
		m.Skip("nothing was received yet")
	}
	newest := len(m.deliveries) - 1
	for range rapid.IntRange(1, 3).Draw(m.T, "handles") {
		i := newest - rapid.IntRange(0, min(newest, 8)).Draw(m.T, "back")
		if m.deliveries[i].epoch == m.epoch {
			picked = append(picked, i)
			received = append(received, m.deliveries[i].Received)
		}
	}
	return picked, received
}

// holds is the ticket that delivery i still has under lease.
func (m *model) holds(i int) *ticket {
	t := m.tickets[m.deliveries[i].ID]
	if t.state == leased && t.lease == i && t.due.After(m.clock.Now()) {
		return t
	}
	return nil
}

// remove is what an ack or a burial of delivery i does to the model: gone for
// certain, gone perhaps, or nothing.
func (m *model) remove(i int) (certain, possible bool) {
	t := m.tickets[m.deliveries[i].ID]
	switch {
	case m.holds(i) != nil:
		t.state = gone
		return true, true
	case t.lease == i && t.seen > 0 && (t.state == leased || t.state == waiting):
		t.state = perhaps
		return false, true
	}
	return false, false
}

func (m *model) ack() {
	picked, received := m.some()
	if err := m.q.Ack(m.Context(), received); err != nil {
		m.Fatalf("ack: %v", err)
	}
	for _, i := range picked {
		m.remove(i)
	}
}

func (m *model) bury() {
	picked, received := m.some()
	letters := make([]queue.DeadLetter, len(received))
	for i, r := range received {
		letters[i] = queue.DeadLetter{Received: r, Reason: "poison"}
	}
	if err := m.q.DeadLetter(m.Context(), letters); err != nil {
		m.Fatalf("dead letter: %v", err)
	}
	for _, i := range picked {
		certain, possible := m.remove(i)
		if certain {
			m.dead++
		} else if possible {
			m.deadMaybe++
		}
	}
}

func (m *model) nack() {
	delay := m.backend.Features.Visibility * time.Duration(rapid.IntRange(0, 2).Draw(m.T, "delay"))
	picked, received := m.some()
	if err := m.q.Nack(m.Context(), received, delay); err != nil {
		m.Fatalf("nack: %v", err)
	}
	for _, i := range picked {
		if t := m.holds(i); t != nil {
			t.state, t.due = waiting, m.clock.Now().Add(delay)
		}
	}
}

func (m *model) extend() {
	picked, received := m.some()
	lost := false
	for _, i := range picked {
		lost = lost || m.holds(i) == nil
	}
	err := m.q.Extend(m.Context(), received, m.backend.Features.Visibility)
	if lost != errors.Is(err, queue.ErrLeaseLost) || !lost && err != nil {
		m.Fatalf("extend: %v; some lease was lost: %v", err, lost)
	}
	for _, i := range picked {
		if t := m.holds(i); t != nil {
			t.due = m.clock.Now().Add(m.backend.Features.Visibility)
		}
	}
}

func (m *model) crash(t *testing.T) {
	settled := m.backend.Features.Linger == 0 || rapid.Bool().Draw(m.T, "settled")
	if settled && m.backend.Settle != nil {
		m.backend.Settle(t, m.q)
	}
	m.backend.Crash(t, m.q)
	m.q = m.backend.Open(t, m.dir, m.clock.Now)
	m.epoch++
	for _, t := range m.tickets {
		t.seen, t.due = 0, m.clock.Now()
		if t.state == leased {
			t.state = waiting
		}
		if t.state == waiting && t.lingers && !settled {
			t.state = perhaps
		}
		t.lingers = false // it is in the file, or nowhere
	}
	// A crash may shorten a delay or leave it: go to where both are over.
	m.clock.advance(2 * m.backend.Features.Visibility)
}

func (m *model) stats() {
	var pending, inFlight, maybe int64
	for _, t := range m.tickets {
		switch {
		case t.state == perhaps:
			maybe++
		case t.state == leased && t.due.After(m.clock.Now()):
			inFlight++
		case t.state != gone:
			pending++
		}
	}
	s, err := m.q.Stats(m.Context())
	if err != nil {
		m.Fatalf("stats: %v", err)
	}
	if s.InFlight != inFlight || s.Pending < pending || s.Pending > pending+maybe {
		m.Fatalf("stats %+v, want %d in flight and %d to %d pending", s, inFlight, pending, pending+maybe)
	}
	if s.DeadLetters < int64(m.dead) || s.DeadLetters > int64(m.dead+m.deadMaybe) {
		m.Fatalf("%d dead letters, want %d to %d", s.DeadLetters, m.dead, m.dead+m.deadMaybe)
	}
}

// drain checks that all that must still be there can be received.
func (m *model) drain() {
	m.clock.advance(3 * m.backend.Features.Visibility)
	for m.receive(100) > 0 {
		if err := m.q.Ack(m.Context(), m.taken()); err != nil {
			m.Fatalf("ack: %v", err)
		}
	}
	for id, t := range m.tickets {
		if t.state == waiting || t.state == leased {
			m.Fatalf("%s was never received: %+v", id, t)
		}
	}
}

// taken marks all held messages as gone and returns their handles.
func (m *model) taken() (received []queue.Received) {
	for i, d := range m.deliveries {
		if m.holds(i) != nil {
			m.tickets[d.ID].state = gone
			received = append(received, d.Received)
		}
	}
	return received
}
