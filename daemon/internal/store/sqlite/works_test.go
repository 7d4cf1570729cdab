package sqlite

import (
	"errors"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const testReplay flow.ID = 77

// replayed makes the jobs of a replay for one subscription, in one step, and
// starts them.
func replayed(t *testing.T, st *Store, n int) []flow.Job {
	t.Helper()
	appendAll(t, st, events("replayed", "", n, 10))
	b, err := st.Unfanned(t.Context(), n)
	must(t, err)
	must(t, st.FanOut(t.Context(), b, nil, noon))
	jobs := jobsFor(b, flow.ReplayLane(testReplay, "sub_A"), flow.Immediate)
	for i := range jobs {
		jobs[i].ReplayID, jobs[i].SubscriptionID = testReplay, "sub_A"
	}
	_, err = st.Advance(t.Context(), store.Advance{Work: testReplay, To: b.To, Examined: n, Jobs: jobs}, noon)
	must(t, err)
	page, err := st.ListJobs(t.Context(), store.Everything, store.JobQuery{ReplayID: testReplay})
	must(t, err)
	begun := make([]flow.Job, n)
	for i, v := range page.Jobs {
		begun[n-1-i] = start(t, st, v.Job.ID, 1)
	}
	return begun
}

func wantEnded(t *testing.T, st *Store, created, completed, failed int64) {
	t.Helper()
	p, err := st.Progress(t.Context(), testReplay)
	must(t, err)
	if p.Created != created || p.Completed != completed || p.Failed != failed {
		t.Errorf("%d jobs were created, %d completed and %d failed; want %d, %d and %d", p.Created, p.Completed, p.Failed, created, completed, failed)
	}
}

func recordOf(t *testing.T, st *Store, j flow.Job, v flow.Verdict) func() error {
	return func() error {
		out, err := st.Record(t.Context(), []store.Outcome{outcome(j, v)}, noon)
		if err == nil {
			err = out[0].Err
		}
		return err
	}
}

func TestVerbsThatShareACommitAreCountedEachByItself(t *testing.T) {
	t.Parallel()
	st := setup(t)
	js := replayed(t, st, 5)
	var after store.Progress
	errs := together(t, st,
		recordOf(t, st, js[0], flow.Delivered),
		func() error { // fails after it has ended a job
			return st.write(t.Context(), func(x *tx) error {
				o := outcome(js[1], flow.Delivered)
				_, err := x.record(&o, noon)
				return errors.Join(err, errBoom)
			})
		},
		recordOf(t, st, js[2], flow.Reject),
		func() (err error) { // sees what the others have counted
			p, err := st.Progress(t.Context(), testReplay)
			if err == nil {
				after, err = st.Advance(t.Context(), store.Advance{Work: testReplay, From: p.Cursor, To: p.Cursor + 1}, noon)
			}
			return err
		},
		recordOf(t, st, js[3], flow.Delivered),
		recordOf(t, st, js[0], flow.Delivered),
	)
	for i, wanted := range []error{nil, errBoom, nil, nil, nil, store.ErrConflict} {
		if !errors.Is(errs[i], wanted) {
			t.Errorf("verb %d: %v, want %v", i, errs[i], wanted)
		}
	}
	if after.Completed != 1 || after.Failed != 1 {
		t.Errorf("a step in the same commit says %d completed and %d failed, want 1 and 1", after.Completed, after.Failed)
	}
	wantEnded(t, st, 5, 2, 1)
	record(t, st, js[1], flow.Delivered)
	wantEnded(t, st, 5, 3, 1)
	wantConsistent(t, st)
}

func TestACommitThatCanNotCountFailsAsAWhole(t *testing.T) {
	t.Parallel()
	st := setup(t)
	js := replayed(t, st, 2)
	must(t, st.write(t.Context(), func(x *tx) error { return x.run("ALTER TABLE works RENAME TO mislaid") }))
	errs := together(t, st,
		recordOf(t, st, js[0], flow.Delivered),
		func() error { _, err := st.Append(t.Context(), events("neighbour", "", 1, 10), noon); return err },
	)
	for i, err := range errs {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("verb %d of a commit that failed: %v", i, err)
		}
	}
	if st.Health(t.Context()) != nil {
		t.Error("the store is not healthy although it can write")
	}
	must(t, st.write(t.Context(), func(x *tx) error { return x.run("ALTER TABLE mislaid RENAME TO works") }))
	if j := job(t, st, js[0].ID); j.Status != flow.Processing {
		t.Errorf("a job whose outcome was refused is %s", j.Status)
	}
	wantEnded(t, st, 2, 0, 0)
	wantConsistent(t, st)
	must(t, recordOf(t, st, js[0], flow.Delivered)())
	wantEnded(t, st, 2, 1, 0)
}

func TestLettersAreFoundHoweverManyDoNotFit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st := open(t, dir, Options{Now: noon})
	const n = store.MaxExamined + 50
	appendAll(t, st, events("crowd", "", n, 10))
	fanOut(t, st, "sub_crowd", flow.Immediate)
	appendAll(t, st, events("needle", "", 2, 10))
	fanOut(t, st, "sub_needle", flow.Immediate)
	must(t, st.write(t.Context(), func(x *tx) error {
		return x.run("UPDATE jobs SET status = 14 + 2 * (id % 2), ready = 0")
	}))
	must(t, st.Close())
	st = open(t, dir, Options{Now: noon})
	t.Cleanup(func() { shut(t, st) })

	q := store.JobQuery{SubscriptionID: "sub_needle", Limit: 1}
	first, err := st.Letters(t.Context(), store.Everything, 0, q)
	must(t, err)
	if len(first.Jobs) != 0 || !first.Partial || first.Next == 0 {
		t.Fatalf("a page that looked at %d rows in vain has %d jobs, partial %v, and goes on after %d", store.MaxExamined, len(first.Jobs), first.Partial, first.Next)
	}
	second, err := st.Letters(t.Context(), store.Everything, first.Next, q)
	must(t, err)
	if len(second.Jobs) != 1 || second.Partial || second.Next != second.Jobs[0].Job.ID {
		t.Fatalf("the next page has %d jobs, partial %v, and goes on after %d", len(second.Jobs), second.Partial, second.Next)
	}
	last, err := st.Letters(t.Context(), store.Everything, second.Next, q)
	must(t, err)
	if len(last.Jobs) != 1 || last.Next != 0 {
		t.Fatalf("the last page has %d jobs and goes on after %d", len(last.Jobs), last.Next)
	}

	seen := 0
	for after := flow.ID(0); ; {
		page, err := st.Letters(t.Context(), store.Everything, after, store.JobQuery{Limit: 1000})
		must(t, err)
		for _, v := range page.Jobs {
			if v.Job.ID <= after {
				t.Fatalf("letter %s comes after %s", v.Job.ID, after)
			}
			after = v.Job.ID
		}
		if seen += len(page.Jobs); page.Next == 0 {
			break
		}
	}
	if seen != n+2 {
		t.Errorf("%d letters were found in all, want %d", seen, n+2)
	}
}

// Times that no id can carry bound nothing.
func TestFarTimesAreNoBounds(t *testing.T) {
	t.Parallel()
	st := setup(t)
	appendAll(t, st, events("e", "", 2, 10))
	for name, until := range map[string]time.Time{"none": {}, "far": time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)} {
		for _, since := range []time.Time{{}, time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)} {
			p, err := st.ListEvents(t.Context(), store.Everything, store.EventQuery{Since: since, Until: until})
			must(t, err)
			if len(p.Events) != 2 {
				t.Errorf("until %s since %s: %d events, want 2", name, since, len(p.Events))
			}
		}
	}
}
