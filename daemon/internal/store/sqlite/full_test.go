package sqlite

import (
	"errors"
	"fmt"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// disk is one that can be made full and given space again.
type disk struct {
	fill, free func(t *testing.T, st *Store)
	// whole says that a full disk lets no commit through, not even one that
	// needs no new page.
	whole bool
}

// A full disk, as SQLite sees it when the file may not grow.
func TestAFullDiskRefusesAndRecoversByItself(t *testing.T) {
	t.Parallel()
	pages := func(n int) func(*testing.T, *Store) {
		return func(t *testing.T, st *Store) {
			t.Helper()
			must(t, st.write(t.Context(), func(x *tx) error { return x.run(fmt.Sprintf("PRAGMA max_page_count=%d", n)) }))
		}
	}
	fullDisk(t, t.TempDir(), disk{fill: pages(1), free: pages(1 << 30)}) // never less than what is in use
}

// fullDisk lives through a full disk: what was answered stays, what was
// refused is as if it had not been asked for, and space is enough to go on.
func fullDisk(t *testing.T, dir string, d disk) {
	st := open(t, dir, Options{Now: noon})
	js := line(t, st, "sub_A", flow.BlockOnError, 6)
	free := line(t, st, "sub_B", flow.Immediate, 8)
	must(t, markQueued(st, js[0].ID, free[0].ID, free[1].ID, free[2].ID))
	head := start(t, st, js[0].ID, 1)
	one, two := start(t, st, free[0].ID, 1), start(t, st, free[1].ID, 1)
	appendAll(t, st, events("backlog", "", 3, 100))
	wakes := st.wakes.Events.Listen()
	defer wakes.Close()

	d.fill(t, st)
	acked, refused := 0, 0
	for i := 0; refused < 3; i++ {
		if i > 2000 {
			t.Fatal("the disk never filled")
		}
		es := events(fmt.Sprint("full.", i), "", 3, 2000)
		out, err := st.Append(t.Context(), es, noon)
		switch {
		case err == nil:
			acked = max(acked, i+1)
			if len(out) != 3 {
				t.Fatalf("%d answers", len(out))
			}
		case errors.Is(err, store.ErrUnavailable):
			refused++
			taken(wakes)
		default:
			t.Fatalf("append to a full disk: %v, want %v", err, store.ErrUnavailable)
		}
	}
	if st.lastErr.Load() == nil {
		t.Error("the failure is not remembered for Health")
	}
	if err := st.Health(t.Context()); d.whole && !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("health on a full disk: %v", err)
	}
	if _, _, woken := taken(wakes); woken {
		t.Error("an event that was refused woke somebody")
	}

	// Every other verb succeeds whole or is refused whole; the check compares
	// what memory believes with the file after each.
	ctx := t.Context()
	verbs := []func() error{
		func() error {
			_, err := st.Record(ctx, []store.Outcome{outcome(head, flow.Delivered), outcome(one, flow.Retry)}, noon)
			return err
		},
		func() error {
			_, err := st.Start(ctx, []store.Start{{Job: free[2].ID, Ticket: 1, Owner: "r1"}, {Job: free[3].ID, Ticket: 1, Owner: "r1"}}, noon)
			return err
		},
		func() error { _, err := st.Cancel(ctx, store.Everything, js[1].ID, "", noon); return err },
		func() error {
			return st.Park(ctx, []store.Park{{Job: free[4].ID, Ticket: 1, Until: noon}}, noon)
		},
		func() error {
			b, err := st.Unfanned(ctx, 3)
			if err == nil {
				err = st.FanOut(ctx, b, jobsFor(b, "sub_C", flow.Immediate), noon)
			}
			return err
		},
		func() error {
			v, err := st.Version(ctx)
			if err == nil {
				_, err = st.Write(ctx, store.WriteSet{IfVersion: v, Put: []store.Document{{Kind: "k", ID: fmt.Sprint(v), Body: make([]byte, 9000)}}}, noon)
			}
			return err
		},
		func() error {
			_, err := st.InsertTasks(ctx, []flow.Job{{Lane: "t:x", Policy: flow.DefaultPolicy(), Task: &flow.Task{Payload: string(make([]byte, 9000))}}}, noon)
			return err
		},
	}
	done := make([]bool, len(verbs))
	for range 2 {
		for i, verb := range verbs {
			if done[i] {
				continue
			}
			err := verb()
			if done[i] = err == nil; err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("verb %d on a full disk: %v", i, err)
			}
			if d.whole && err == nil {
				t.Errorf("verb %d on a full disk succeeded", i)
			}
			wantConsistent(t, st)
		}
	}

	d.free(t, st)
	must(t, st.Health(ctx))
	appendAll(t, st, events("again", "", 20, 2000))
	for i, verb := range verbs {
		if !done[i] {
			if err := verb(); err != nil {
				t.Errorf("verb %d when there is space again: %v", i, err)
			}
		}
	}
	record(t, st, two, flow.Delivered)
	for i := range acked {
		// What was acked is a duplicate now; the store still has it.
		out, err := st.Append(ctx, events(fmt.Sprint("full.", i), "", 3, 10), noon)
		must(t, err)
		for _, a := range out {
			if !a.Duplicate && i < acked-3 {
				t.Fatalf("event %d of %d was acked and is lost", i, acked)
			}
		}
	}
	fanOut(t, st, "sub_C", flow.Immediate)
	shut(t, st)
	st = open(t, dir, Options{Now: noon})
	shut(t, st)
}
