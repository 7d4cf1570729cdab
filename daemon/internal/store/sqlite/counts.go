package sqlite

import (
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// counts are what Stats knows from memory, as a commit changes them.
type counts struct {
	open    int64 // jobs that are not final
	blocks  int64 // order keys
	letters int64 // dead letters
}

// ending says that one more job of a replay has ended in a state, or one less.
type ending struct {
	replay flow.ID
	status flow.Status
	n      int64
}

// count notes what the change of a job's state means for the counts. From is
// the state in which the job was.
func (t *tx) count(j *flow.Job, from flow.Status) {
	n := &t.notes
	switch {
	case from.Final() && !j.Status.Final():
		n.open++
	case !from.Final() && j.Status.Final():
		n.open--
	}
	switch {
	case from.DeadLetter() && !j.Status.DeadLetter():
		n.letters--
	case !from.DeadLetter() && j.Status.DeadLetter():
		n.letters++
	}
	if !from.Final() && j.Status.Final() {
		t.rollJob(j)
	}
	if j.ReplayID == 0 {
		return
	}
	if from.Final() {
		n.endings = append(n.endings, ending{j.ReplayID, from, -1})
	}
	if j.Status.Final() {
		n.endings = append(n.endings, ending{j.ReplayID, j.Status, 1})
	}
}

// byEnding counts by final state, in the order of the states.
type byEnding [flow.Expired - flow.Completed + 1]int64

func (b *byEnding) add(e ending) { b[e.status-flow.Completed] += e.n }

// saveEndings writes what the transaction has counted of replays: one update
// for each, however many of its jobs have ended. A replay whose progress was
// forgotten is counted no more.
func (t *tx) saveEndings() error {
	if len(t.notes.endings) == 0 {
		return nil
	}
	sums := map[flow.ID]*byEnding{}
	for _, e := range t.notes.endings {
		s := sums[e.replay]
		if s == nil {
			s = new(byEnding)
			sums[e.replay] = s
		}
		s.add(e)
	}
	for id, s := range sums {
		if *s == (byEnding{}) {
			continue
		}
		if err := t.q("UPDATE works SET completed = completed + ?, failed = failed + ?, cancelled = cancelled + ?, expired = expired + ? WHERE id = ?").
			int(s[0]).int(s[1]).int(s[2]).int(s[3]).int(int64(id)).exec(); err != nil {
			return fmt.Errorf("count the jobs of replay %s: %w", id, err)
		}
	}
	return nil
}

// addEndings adds what the transaction has counted and not written yet.
func (t *tx) addEndings(p *store.Progress) {
	for _, e := range t.notes.endings {
		if e.replay != p.Work {
			continue
		}
		switch e.status {
		case flow.Completed:
			p.Completed += e.n
		case flow.Failed:
			p.Failed += e.n
		case flow.Cancelled:
			p.Cancelled += e.n
		case flow.Expired:
			p.Expired += e.n
		}
	}
}

// commit ends the transaction.
func (t *tx) commit() error {
	if err := t.saveEndings(); err != nil {
		return err
	}
	if err := t.saveRolls(); err != nil {
		return err
	}
	return t.q("COMMIT").exec()
}
