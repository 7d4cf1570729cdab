package bulk

import (
	"errors"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// letters makes n dead letters of a subscription.
func (w *world) letters(sub string, n int) {
	w.Helper()
	_, err := w.Append(w.Context(), many(n), w.now())
	w.must(err)
	w.fanOut(func(e flow.Event) []flow.Job {
		return []flow.Job{{Position: e.Position, EventID: e.ID, SubscriptionID: sub, Lane: sub, Policy: flow.DefaultPolicy()}}
	})
	if got := len(w.deliver(sub, n, rejected)); got != n {
		w.Fatalf("%d of %d dead letters were made", got, n)
	}
}

func (w *world) count(sub string, status flow.Status) int {
	w.Helper()
	page, err := w.ListJobs(w.Context(), store.Everything, store.JobQuery{SubscriptionID: sub, Status: []flow.Status{status}, Limit: 1000})
	w.must(err)
	return len(page.Jobs)
}

func TestATaskActsOnTheLettersThatFit(t *testing.T) {
	t.Parallel()
	for _, act := range []flow.LetterAct{flow.LettersRetry, flow.LettersDiscard} {
		t.Run(string(act), func(t *testing.T) {
			t.Parallel()
			w := setup(t, subscription("sub_A"), subscription("sub_B"))
			w.letters("sub_A", 350)
			w.letters("sub_B", 10)
			w.sleep(time.Minute)
			task := w.task(func(t *flow.LetterTask) { t.SubscriptionID, t.Act, t.Note = "sub_A", act, "by telephone" })
			w.steps()
			want := flow.Pending
			if act == flow.LettersDiscard {
				want = flow.Cancelled
			}
			if n := w.count("sub_A", want); n != 350 {
				t.Errorf("%d of 350 are %s", n, want)
			}
			if n := w.count("sub_B", flow.Failed); n != 10 {
				t.Errorf("%d of another subscription are left", n)
			}
			if p := w.progress(task.ID); p.Created != 350 || w.catalog().LetterTasks[task.ID].State != flow.WorkCompleted {
				t.Errorf("progress: %+v", p)
			}
		})
	}
}

func TestATaskDoesNotMeetALetterTwice(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.letters("sub_A", 250)
	w.sleep(time.Minute)
	task := w.task()
	for w.catalog().LetterTasks[task.ID].State == flow.WorkRunning {
		if _, err := w.s.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.deliver("sub_A", 1000, rejected) // they fail again at once
	}
	if p := w.progress(task.ID); p.Created != 250 {
		t.Errorf("progress: %+v", p)
	}
}

func TestATaskSurvivesACrash(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.letters("sub_A", 350)
	w.sleep(time.Minute)
	task := w.task()
	w.lose = func(store.Advance) (before, after error) {
		if len(w.advanced)%2 == 1 {
			return nil, errors.New("crash")
		}
		return nil, nil
	}
	for w.catalog().LetterTasks[task.ID].State == flow.WorkRunning {
		w.restart(Options{})
		if _, err := w.s.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if p := w.progress(task.ID); p.Created != 350 || w.count("sub_A", flow.Pending) != 350 {
		t.Errorf("progress: %+v", p)
	}
}

func TestLettersOfASubscriptionThatIsGoneAreNotRetried(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"))
	w.letters("sub_A", 3)
	w.letters("sub_B", 3)
	w.remove("sub_A")
	w.sleep(time.Minute)
	w.task()
	w.steps()
	if n, m := w.count("sub_A", flow.Failed), w.count("sub_B", flow.Pending); n != 3 || m != 3 {
		t.Errorf("%d are left and %d sent again, want 3 and 3", n, m)
	}
}

func TestOnlyTheNewestFinishedWorkIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.restart(Options{Keep: 3})
	w.publish(many(5)...)
	var ids []flow.ID
	for range 6 {
		r := w.declare(func(r *flow.Replay) { r.Rate = 0 })
		ids = append(ids, r.ID)
		w.steps()
		w.deliver(flow.ReplayLane(r.ID, "sub_A"), 5, delivered)
		w.sleep(time.Second)
		w.steps()
	}
	cat := w.catalog()
	for i, id := range ids {
		kept := i >= 3
		if _, there := cat.Replays[id]; there != kept {
			t.Errorf("replay %d of 6 is there: %v", i+1, there)
		}
		if p := w.progress(id); (p.Created == 5) != kept {
			t.Errorf("the progress of replay %d is %+v", i+1, p)
		}
	}
	audit, err := w.Audit(t.Context(), store.Everything, store.AuditQuery{Limit: 100})
	w.must(err)
	completed := 0
	for _, a := range audit.Entries {
		if a.Operation == "COMPLETE" && a.EntityType == "Replay" && a.PrincipalID == "system" {
			completed++
		}
	}
	if completed != 6 {
		t.Errorf("%d of 6 completions are in the audit log", completed)
	}
}

func TestACancelledReplayWithOpenJobsIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.restart(Options{Keep: 1})
	w.publish(many(5)...)
	r := w.declare()
	w.steps()
	r.Status, r.EndedAt = flow.WorkCancelled, w.now()
	w.save(r)
	for range 3 {
		w.sleep(time.Second)
		other := w.declare(func(r *flow.Replay) { r.Type = "no:such:type:here" })
		w.steps()
		if s := w.catalog().Replays[other.ID]; s == nil || s.Status != flow.WorkCompleted {
			t.Fatalf("a replay of nothing is %+v", s)
		}
	}
	if w.catalog().Replays[r.ID] == nil {
		t.Error("its lane is left alone")
	}
	if n := len(w.catalog().Replays); n != 2 {
		t.Errorf("%d replays are kept", n)
	}
}

func TestFinishedWorkIsKeptForEachOwner(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.restart(Options{Keep: 2})
	end := func(owner string) flow.ID {
		w.sleep(time.Second)
		return w.declare(func(r *flow.Replay) { r.ClientID, r.Status, r.EndedAt = owner, flow.WorkCancelled, w.now() }).ID
	}
	want := map[flow.ID]bool{end("globex"): true, end("acme"): false}
	for range 2 {
		want[end("acme")] = true
	}
	w.steps()
	for id, kept := range want {
		if _, there := w.catalog().Replays[id]; there != kept {
			t.Errorf("replay %s is there: %v, want %v", id, there, kept)
		}
	}
}

func TestLettersOfAReplayThatIsGoneAreNotRetried(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"))
	w.letters("sub_B", 3)
	r := w.declare(func(r *flow.Replay) { r.Subscriptions = []string{"sub_A"} })
	w.steps()
	if n := len(w.deliver(flow.ReplayLane(r.ID, "sub_A"), 3, rejected)); n != 3 {
		t.Fatalf("%d dead letters of the replay", n)
	}
	r.Status, r.EndedAt = flow.WorkCancelled, w.now()
	w.save(r)
	w.sleep(time.Minute)
	task := w.task()
	w.steps()
	if p := w.progress(task.ID); p.Examined != 6 || p.Created != 3 || w.catalog().LetterTasks[task.ID].State != flow.WorkCompleted {
		t.Errorf("progress: %+v", p)
	}
	if n, m := w.count("sub_A", flow.Failed), w.count("sub_B", flow.Pending); n != 3 || m != 3 {
		t.Errorf("%d are left and %d sent again, want 3 and 3", n, m)
	}
	w.sleep(time.Minute)
	w.task(func(t *flow.LetterTask) { t.Act, t.Note = flow.LettersDiscard, "no use" })
	w.steps()
	if n := w.count("sub_A", flow.Cancelled); n != 3 {
		t.Errorf("%d of 3 are discarded", n)
	}
}
