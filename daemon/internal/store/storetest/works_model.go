package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// This file is the part of the machine and of its model that replays and dead
// letters make.

var machineReplays = []struct {
	name string
	mode flow.Mode
}{{"sub_B", flow.BlockOnError}, {"", flow.NextOnError}}

// letterTask is the machine's one letter task.
const letterTask = replay + 1

type modelWork struct {
	cursor, examined, created int64
}

func (m *model) work(id flow.ID) *modelWork {
	if m.works[id] == nil {
		m.works[id] = &modelWork{}
	}
	return m.works[id]
}

// progress counts the jobs of a replay as they are.
func (m *model) progress(id flow.ID) store.Progress {
	v := m.work(id)
	p := store.Progress{Work: id, Cursor: v.cursor, Examined: v.examined, Created: v.created}
	for _, j := range m.jobs {
		if j.ReplayID != id {
			continue
		}
		switch j.Status {
		case flow.Completed:
			p.Completed++
		case flow.Failed:
			p.Failed++
		case flow.Cancelled:
			p.Cancelled++
		case flow.Expired:
			p.Expired++
		}
	}
	return p
}

// replaySome does a step of the replay; now and then it comes too late.
func (k *machine) replaySome() {
	wk := k.m.work(replay)
	var wanted []flow.Event
	limit := rapid.IntRange(1, 3).Draw(k.t, "limit")
	for _, e := range k.m.fanned {
		if e.Position > wk.cursor && len(wanted) < limit {
			wanted = append(wanted, e)
		}
	}
	page, err := k.s.Scan(k.ctx, store.Everything, store.ScanQuery{After: wk.cursor, Limit: limit})
	k.must(err, "scan")
	want(k.world, "the events of the scan", len(page.Events), len(wanted))
	for i, e := range wanted {
		want(k.world, "the event in its place", page.Events[i].ID, e.ID)
	}
	if len(wanted) == 0 {
		return
	}
	a := store.Advance{Work: replay, From: wk.cursor, To: wanted[len(wanted)-1].Position, Examined: page.Examined}
	for _, e := range wanted {
		for _, l := range machineReplays {
			if rapid.Bool().Draw(k.t, "to "+l.name) {
				a.Jobs = append(a.Jobs, k.replayJob(replay, e, l.name, l.mode))
			}
		}
	}
	if rapid.IntRange(0, 4).Draw(k.t, "too late") == 0 {
		late := a
		late.From = wk.cursor + 1
		late.To++
		_, err := k.s.Advance(k.ctx, late, k.now)
		k.wantErr("a step from elsewhere", err, store.ErrConflict)
		return
	}
	k.advance(a)
	wk.cursor, wk.examined = a.To, wk.examined+int64(page.Examined)
	for i, j := range k.stored(a.Jobs) {
		made := a.Jobs[i]
		made.ID = j.ID
		k.m.add(made)
		wk.created++
	}
}

func (k *machine) discardOne() {
	id, ok := k.anyJob()
	if !ok {
		return
	}
	k.m.act(id, flow.LettersDiscard, "enough", k.now)
	want(k.world, "the discarded job", k.full(k.discard(id, "enough")), k.full(*k.m.job(id)))
}

// act says whether the job was a dead letter.
func (m *model) act(id flow.ID, act flow.LetterAct, note string, now time.Time) bool {
	j := m.job(id)
	if !j.Status.DeadLetter() {
		return false
	}
	if act == flow.LettersRetry {
		m.retry(id, now)
	} else {
		m.set(j.Discarded(note, now))
	}
	return true
}

// actOnLetters retries or discards several in a step, of which some may be no
// dead letters any more.
func (k *machine) actOnLetters() {
	wk := k.m.work(letterTask)
	a := store.Advance{
		Work: letterTask, From: wk.cursor, To: wk.cursor + 1, Examined: 1, Note: "all of them",
		Act: pick(k, []flow.LetterAct{flow.LettersRetry, flow.LettersDiscard}, "act"),
	}
	for range rapid.IntRange(1, 4).Draw(k.t, "letters") {
		if id, ok := k.anyJob(); ok {
			a.Letters = append(a.Letters, id)
		}
	}
	for _, id := range a.Letters {
		if k.m.act(id, a.Act, a.Note, k.now) {
			wk.created++
		}
	}
	k.advance(a)
	wk.cursor, wk.examined = a.To, wk.examined+1
}

func (m *model) compareWorks(w *world) {
	w.Helper()
	for _, id := range []flow.ID{replay, letterTask} {
		want(w, "the progress of "+id.String(), showProgress(w.progress(id)), showProgress(m.progress(id)))
	}
}

// waiting counts the jobs behind the holder of a key.
func (m *model) waiting(key flow.OrderKey) (n int) {
	for _, j := range m.jobs {
		if j.OrderKey == key && j.Waiting {
			n++
		}
	}
	return n
}

func (m *model) compareBlocked(w *world, st store.Stats) {
	w.Helper()
	var gates []*modelGate
	for _, g := range m.gates {
		if g.blocked {
			gates = append(gates, g)
		}
	}
	slices.SortFunc(gates, func(a, b *modelGate) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.holder, b.holder)) })
	// In one millisecond any order will do.
	got := w.blockedPages(store.Everything, store.GateQuery{Limit: 2})
	inOrder := slices.IsSortedFunc(got, func(a, b store.Gate) int { return a.BlockedSince.Compare(b.BlockedSince) })
	want(w, "the longest blocked come first", inOrder, true)
	slices.SortFunc(got, func(a, b store.Gate) int {
		return cmp.Or(a.BlockedSince.Compare(b.BlockedSince), cmp.Compare(a.Holder, b.Holder))
	})
	var found, wanted []string
	for _, g := range got {
		found = append(found, fmt.Sprintf("%s since %s, %d wait", w.name(g.Holder), w.clock(g.BlockedSince), g.Waiting))
	}
	for _, g := range gates {
		wanted = append(wanted, fmt.Sprintf("%s since %s, %d wait", w.name(g.holder), w.clock(g.since), m.waiting(m.job(g.holder).OrderKey)))
	}
	want(w, "the blocked keys", strings.Join(found, "; "), strings.Join(wanted, "; "))
	want(w, "blocked keys in stats", st.BlockedKeys, int64(len(gates)))
	var oldest time.Time
	if len(gates) > 0 {
		oldest = gates[0].since
	}
	w.wantTime("the oldest blocked key in stats", st.OldestBlocked, oldest)
}

func (m *model) compareLetters(w *world, st store.Stats) {
	w.Helper()
	var letters []flow.Job
	var oldest time.Time
	for _, j := range m.jobs {
		if !j.Status.DeadLetter() {
			continue
		}
		letters = append(letters, *j)
		if oldest.IsZero() || j.CompletedAt.Before(oldest) {
			oldest = j.CompletedAt
		}
	}
	slices.SortFunc(letters, func(a, b flow.Job) int { return cmp.Compare(a.ID, b.ID) })
	want(w, "the dead letters", w.list(w.walk(store.Everything, store.JobQuery{Limit: 3})), w.list(letters))
	want(w, "dead letters in stats", st.DeadLetters, int64(len(letters)))
	w.wantTime("the oldest dead letter in stats", st.OldestLetter, oldest)
}
