package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var errBoom = errors.New("boom")

func taken(l *store.Listener) (keys []string, all, woken bool) {
	select {
	case <-l.C:
		woken = true
	default:
	}
	keys, all = l.Take()
	return keys, all, woken
}

func TestAFailingVerbTouchesNoNeighbour(t *testing.T) {
	t.Parallel()
	st := setup(t)
	js := line(t, st, "sub_A", flow.BlockOnError, 3)
	started := start(t, st, js[0].ID, 1)
	wakes, lanes := st.wakes.Events.Listen(), st.wakes.Lanes.Listen()
	defer wakes.Close()
	defer lanes.Close()

	spoilt := func(run func(*tx) error) func() error {
		return func() error {
			return st.write(t.Context(), func(x *tx) error { return errors.Join(run(x), errBoom) })
		}
	}
	var rec []store.Recorded
	errs := together(t, st,
		func() error { _, err := st.Append(t.Context(), events("before", "", 2, 10), noon); return err },
		spoilt(func(x *tx) error {
			_, _, err := x.insertEvent(events("spoilt", "", 1, 10)[0], noon)
			x.notes.then = append(x.notes.then, func() { t.Error("a verb that failed was settled") })
			return err
		}),
		spoilt(func(x *tx) error {
			j, err := x.load(js[0].ID)
			if err != nil {
				return err
			}
			o := outcome(j, flow.Reject) // would block the key
			_, err = x.record(&o, noon)
			return err
		}),
		func() (err error) {
			rec, err = st.Record(t.Context(), []store.Outcome{outcome(started, flow.Delivered)}, noon)
			return err
		},
		spoilt(func(x *tx) error {
			// The successor was let through by the neighbour before.
			j, err := x.load(js[1].ID)
			if err == nil && j.Waiting {
				err = errors.New("a verb does not see what its neighbour did")
			}
			if err != nil {
				return err
			}
			_, err = x.cancel(j, flow.ReasonCancelled, noon)
			return err
		}),
		func() error { return st.FanOut(t.Context(), store.Batch{From: 1, To: 2}, nil, noon) },
		func() error { _, err := st.Append(t.Context(), events("after", "", 1, 10), noon); return err },
	)
	for i, want := range []error{nil, errBoom, errBoom, nil, errBoom, store.ErrConflict, nil} {
		if !errors.Is(errs[i], want) || (want == nil) != (errs[i] == nil) {
			t.Errorf("verb %d: %v, want %v", i, errs[i], want)
		}
	}
	must(t, rec[0].Err)
	for i, want := range []flow.Status{flow.Completed, flow.Pending, flow.Pending} {
		if j := job(t, st, js[i].ID); j.Status != want || j.Waiting != (i == 2) {
			t.Errorf("job %d is %s, waiting %v", i, j.Status, j.Waiting)
		}
	}
	if b, err := st.Unfanned(t.Context(), 10); err != nil || len(b.Events) != 3 {
		t.Errorf("%d events to fan out, %v; want the three of the neighbours", len(b.Events), err)
	}
	if _, _, woken := taken(wakes); !woken {
		t.Error("the events of the neighbours woke nobody")
	}
	if keys, all, _ := taken(lanes); all || len(keys) != 1 || keys[0] != "sub_A" {
		t.Errorf("lanes %v, all %v were woken; want sub_A", keys, all)
	}
	wantConsistent(t, st)
}

// failCommits makes the COMMIT of a transaction fail that ran the returned
// verb: a constraint is looked at only then.
func failCommits(t *testing.T, st *Store) func() error {
	t.Helper()
	must(t, st.write(t.Context(), func(x *tx) error {
		return errors.Join(
			x.run("CREATE TABLE parent(id INTEGER PRIMARY KEY)"),
			x.run("CREATE TABLE child(id REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED)"))
	}))
	return func() error {
		return st.write(context.Background(), func(x *tx) error { return x.run("INSERT INTO child VALUES(1)") })
	}
}

func TestAFailedCommitFailsAllOfItsGroupAndNothingElse(t *testing.T) {
	t.Parallel()
	st := setup(t)
	bad := failCommits(t, st)
	// The pragma does nothing within a transaction; the writer is idle here.
	must(t, st.wc.run("PRAGMA foreign_keys=ON"))
	js := line(t, st, "sub_A", flow.BlockOnError, 2)
	started := start(t, st, js[0].ID, 1)
	events1 := st.wakes.Events.Listen()
	lanes := st.wakes.Lanes.Listen()
	defer events1.Close()
	defer lanes.Close()
	old := st.wc.c

	verbs := []func() error{
		func() error { _, err := st.Append(t.Context(), events("lost", "", 2, 10), noon); return err },
		func() error {
			_, err := st.Record(t.Context(), []store.Outcome{outcome(started, flow.Delivered)}, noon)
			return err
		},
		bad,
		func() error { _, err := st.Write(t.Context(), store.WriteSet{}, noon); return err },
		func() error { _, err := st.Cancel(t.Context(), store.Everything, js[1].ID, "", noon); return err },
	}
	for i, err := range together(t, st, verbs...) {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("verb %d: %v, want %v", i, err, store.ErrUnavailable)
		}
	}
	if _, _, woken := taken(events1); woken {
		t.Error("events that were not committed woke somebody")
	}
	if keys, all, woken := taken(lanes); woken {
		t.Errorf("lanes %v, all %v were woken by nothing", keys, all)
	}
	wantConsistent(t, st) // which commits on a new connection
	if st.wc.c == old {
		t.Error("the connection was not opened anew")
	}
	if j := job(t, st, js[0].ID); j.Status != flow.Processing {
		t.Errorf("the job is %s, want PROCESSING as before", j.Status)
	}
	// Repeated, each takes effect once.
	for i, err := range together(t, st, verbs[0], verbs[1], verbs[3], verbs[4]) {
		if err != nil {
			t.Errorf("verb %d again: %v", i, err)
		}
	}
	if b, err := st.Unfanned(t.Context(), 10); err != nil || len(b.Events) != 2 {
		t.Errorf("%d events to fan out, %v", len(b.Events), err)
	}
	must(t, st.Health(t.Context()))
}

func TestHealthTellsOfAFailedCommitAndTriesAgain(t *testing.T) {
	t.Parallel()
	st := setup(t)
	must(t, st.Health(t.Context()))
	bad := failCommits(t, st)
	must(t, st.wc.run("PRAGMA foreign_keys=ON"))
	if err := bad(); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("commit: %v", err)
	}
	if st.lastErr.Load() == nil {
		t.Error("the failure is not remembered")
	}
	// Nothing is wrong with the disk, so the asking itself finds it well.
	must(t, st.Health(t.Context()))
	if st.lastErr.Load() != nil {
		t.Error("the failure is still remembered")
	}
}

func TestAfterAnIOErrorTheConnectionsAreOpenedAnew(t *testing.T) {
	t.Parallel()
	broken := sqlite.ResultIOErrRead.ToError()
	verb := func(*tx) error { return fmt.Errorf("read gate: %w", broken) }
	t.Run("in a verb that is alone", func(t *testing.T) {
		t.Parallel()
		st := setup(t)
		old := st.wc
		if err := st.write(t.Context(), verb); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v, want %v", err, store.ErrUnavailable)
		}
		must(t, st.Health(t.Context()))
		if st.wc == old {
			t.Error("the connection is the same")
		}
	})
	t.Run("in a verb with neighbours", func(t *testing.T) {
		t.Parallel()
		st := setup(t)
		old := st.wc
		errs := together(t, st,
			func() error { _, err := st.Append(t.Context(), events("e", "", 1, 10), noon); return err },
			func() error { return st.write(t.Context(), verb) },
		)
		if errs[0] != nil || !errors.Is(errs[1], store.ErrUnavailable) {
			t.Errorf("errors %v", errs)
		}
		appendAll(t, st, events("f", "", 1, 10))
		if st.wc == old {
			t.Error("the connection is the same")
		}
	})
	t.Run("in a read", func(t *testing.T) {
		t.Parallel()
		st := open(t, t.TempDir(), Options{Readers: 1})
		defer shut(t, st)
		var old, now *conn
		err := st.snapshot(t.Context(), func(c *conn) error { old = c; return broken })
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v, want %v", err, store.ErrUnavailable)
		}
		must(t, st.snapshot(t.Context(), func(c *conn) error { now = c; return nil }))
		if old == now {
			t.Error("the connection is the same")
		}
	})
}

func TestACancelledCallerBreaksNobody(t *testing.T) {
	t.Parallel()
	st := setup(t)
	var wg sync.WaitGroup
	acked := make(chan string, 1000)
	for i := range 8 {
		wg.Go(func() {
			for n := range 40 {
				ctx, cancel := context.WithCancel(t.Context())
				es := events(fmt.Sprintf("%d.%d", i, n), "", 2, 10)
				if i%2 == 0 {
					go cancel() // somewhere in the middle of the verb
				}
				_, err := st.Append(ctx, es, noon)
				cancel()
				switch {
				case err == nil:
					acked <- es[0].DeduplicationID
				case i%2 != 0 || !errors.Is(err, context.Canceled):
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	wg.Wait()
	close(acked)
	must(t, st.Health(t.Context()))
	for id := range acked {
		e := events("", "", 1, 10)
		e[0].DeduplicationID = id
		out, err := st.Append(t.Context(), e, noon)
		must(t, err)
		if !out[0].Duplicate {
			t.Errorf("event %s was acked and is lost", id)
		}
	}
	// One verb is whole or not at all.
	must(t, st.write(t.Context(), func(x *tx) error {
		n, err := x.number("SELECT count(*) % 2 FROM events")
		if n != 0 {
			t.Error("half of a batch was committed")
		}
		return err
	}))
}

func TestAClockThatJumpsKeepsPositionsIncreasing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st := open(t, dir, Options{Now: noon})
	last := int64(0)
	wantGreater := func(at time.Time, name string) {
		t.Helper()
		out, err := st.Append(t.Context(), events(name, "", 3, 10), at)
		must(t, err)
		for _, a := range out {
			if a.Event.Position <= last {
				t.Fatalf("%s: position %d after %d", name, a.Event.Position, last)
			}
			last = a.Event.Position
		}
		task, err := st.InsertTasks(t.Context(), []flow.Job{{Lane: "t:x", Policy: flow.DefaultPolicy(), Task: &flow.Task{TargetURL: "x"}}}, at)
		must(t, err)
		if task[0].Job.Position <= last {
			t.Fatalf("%s: position %d of a task after %d", name, task[0].Job.Position, last)
		}
		last = task[0].Job.Position
	}
	year := 365 * 24 * time.Hour
	wantGreater(noon, "now")
	wantGreater(noon.Add(-year), "a year back")
	wantGreater(noon.Add(3*year), "years ahead")
	wantGreater(noon, "and back")
	shut(t, st)
	st = open(t, dir, Options{Now: noon.Add(-year)})
	defer shut(t, st)
	wantGreater(noon.Add(-year), "a year back after a restart")
	b, err := st.Unfanned(t.Context(), 100)
	must(t, err)
	if len(b.Events) != 15 {
		t.Errorf("%d events to fan out, want 15", len(b.Events))
	}
}
