package daemon_test

import (
	"errors"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// replayed is a replay that the run started.
type replayed struct {
	id        string
	events    int // so many had been accepted
	path      string
	cancelled bool
}

// doBulk is do for the acts that are about many jobs at once.
func (w *pipeline) doBulk(s step) {
	ctx := w.t.Context()
	switch s.act {
	case startReplay:
		if len(w.replays) == maxReplays || len(w.events) == 0 {
			return
		}
		// To everything that matches, or to one subscription; at a crawl, at
		// a pace, or as fast as it goes.
		n := client.NewReplay{All: true, Rate: []*float64{new(float64), perSecond(50), perSecond(500)}[s.n%3]}
		r := replayed{events: len(w.events)}
		if s.n%2 == 1 {
			id := w.subIDs[s.n/2%len(w.subIDs)]
			n.Subscriptions, r.path = []string{id}, w.subs[id].path
		}
		got, err := w.d.Client.Replays.Create(ctx, n)
		w.must(err, "start a replay")
		r.id = got.ID
		w.replays = append(w.replays, &r)
	case pauseReplay, resumeReplay, cancelReplay:
		if len(w.replays) == 0 {
			return
		}
		r := w.replays[s.n%len(w.replays)]
		act := w.d.Client.Replays.Pause
		switch s.act {
		case resumeReplay:
			act = w.d.Client.Replays.Resume
		case cancelReplay:
			act, r.cancelled = w.d.Client.Replays.Cancel, true
		}
		w.mustOrTooLate(ignore(act(ctx, r.id)), string(s.act))
	case discardJob:
		if j := w.pick(s.n, client.JobFailed, client.JobExpired); j != nil {
			w.acted[j.ID] = "discarded"
			w.must(ignore(w.d.Client.DeadLetters.Discard(ctx, j.ID, "the test gave it up")), "discard "+j.ID)
		}
	case retryAll:
		if w.retriedAll.IsZero() {
			w.retriedAll = time.Now()
		}
		t, err := w.d.Client.DeadLetters.RetryAll(ctx, client.LetterFilter{All: true})
		w.must(err, "retry all dead letters")
		w.tasks = append(w.tasks, t.ID)
	case cancelWaiting:
		for g, err := range w.d.Client.Groups.List(ctx, client.GroupFilter{}) {
			w.must(err, "list groups")
			w.emptied[g.OrderKey] = true
			_, err := w.d.Client.Groups.CancelWaiting(ctx, g.OrderKey)
			w.mustOrTooLate(err, "cancel what waits")
			return
		}
	}
}

// maxReplays bounds the replays of a run.
const maxReplays = 4

func perSecond(n float64) *float64 { return &n }

func ignore[T any](_ T, err error) error { return err }

// mustOrTooLate takes a conflict and what is gone for an answer: the work was
// over.
func (w *pipeline) mustOrTooLate(err error, doing string) {
	w.t.Helper()
	if e := (*client.Error)(nil); errors.As(err, &e) && (e.Status == http.StatusConflict || e.Status == http.StatusNotFound) {
		return
	}
	w.must(err, doing)
}

// bulkOver lets what was paused go on, and says whether all bulk work is over.
func (w *pipeline) bulkOver() bool {
	over := true
	for _, r := range w.replays {
		got, err := w.d.Client.Replays.Get(w.t.Context(), r.id)
		w.must(err, "get a replay")
		if got.Status == client.WorkPaused {
			w.mustOrTooLate(ignore(w.d.Client.Replays.Resume(w.t.Context(), r.id)), "resume a replay")
		}
		over = over && got.Over()
	}
	for _, id := range w.tasks {
		got, err := w.d.Client.DeadLetters.Task(w.t.Context(), id)
		w.must(err, "get a task")
		over = over && got.Over()
	}
	return over
}

// accountReplays: a replay that ran to its end made a job for each event that
// there was and each subscription that it is for, and counted what came of
// them.
func (w *pipeline) accountReplays(have map[pair]client.Job) {
	for _, r := range w.replays {
		got, err := w.d.Client.Replays.Get(w.t.Context(), r.id)
		w.must(err, "get a replay")
		if !r.cancelled && got.Status != client.WorkCompleted {
			w.t.Errorf("replay %s is %s", r.id, got.Status)
		}
		ends := map[string]int64{}
		for n, e := range w.events {
			for id, l := range w.subs {
				p := pair{e.id, id, r.id}
				j, ok := have[p]
				delete(have, p)
				wanted := n < r.events && l.matches(e.kind) && (r.path == "" || r.path == l.path)
				if ok && !wanted || !ok && wanted && got.Status == client.WorkCompleted {
					w.t.Errorf("replay %s (%s, of the first %d events, to %q): a job of n%d for %s: %v, want %v", r.id, got.Status, r.events, r.path, n, l.path, ok, wanted)
				}
				if !ok {
					continue
				}
				ends[j.Status]++
				if j.Status == client.JobCancelled && r.cancelled {
					continue
				}
				w.accountEnd(n, l, j)
			}
		}
		p := got.Progress
		counted := map[string]int64{client.JobCompleted: p.Completed, client.JobFailed: p.Failed, client.JobCancelled: p.Cancelled, client.JobExpired: p.Expired}
		for status, n := range counted {
			if ends[status] != n {
				w.t.Errorf("replay %s (%s) counts %d %s, and has %d", r.id, got.Status, n, status, ends[status])
			}
		}
		if p.Open != 0 {
			w.t.Errorf("replay %s (%s) counts %d open, and has none", r.id, got.Status, p.Open)
		}
	}
}
