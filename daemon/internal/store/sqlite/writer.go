package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// maxGroup bounds how many verbs share a transaction, so that the first of
// them does not wait for ever.
const maxGroup = 256

// op is one verb on its way through the writer.
type op struct {
	run  func(*tx) error
	done chan error
}

// tx is what a verb sees: the writer's connection inside a transaction, and
// a place to note what follows from the commit. Notes of a verb that failed
// are dropped with its savepoint.
type tx struct {
	conn
	st    *Store
	notes notes
	dirty map[flow.ID]*flow.Job // jobs as this transaction made them
	buf   []byte                // to put a value together
	sums  map[roll]int64
}

// notes is what happens after a commit, and only then.
type notes struct {
	jobs    []*flow.Job // as they have become, in order; the last one of an id counts
	bounds  []laneBound // of the hot parts of lanes, before jobs
	lanes   []string    // to wake
	endings []ending    // of replays' jobs; written before the commit
	rolls   []roll      // the same
	then    []func()
	counts
}

// mark is a place in the notes to go back to.
type mark struct {
	jobs, bounds, lanes, endings, rolls, then int
	counts
}

func (n *notes) mark() mark {
	return mark{len(n.jobs), len(n.bounds), len(n.lanes), len(n.endings), len(n.rolls), len(n.then), n.counts}
}

func (n *notes) cut(m mark) {
	clear(n.jobs[m.jobs:])
	clear(n.then[m.then:])
	n.jobs, n.bounds, n.lanes = n.jobs[:m.jobs], n.bounds[:m.bounds], n.lanes[:m.lanes]
	n.endings, n.rolls, n.then, n.counts = n.endings[:m.endings], n.rolls[:m.rolls], n.then[:m.then], m.counts
}

// write runs a verb in the writer and waits until it is durable. The verb may
// still commit when the caller gives up.
func (st *Store) write(ctx context.Context, run func(*tx) error) error {
	o := &op{run: run, done: make(chan error, 1)}
	select {
	case st.ops <- o:
	case <-st.closing:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-st.writerDone:
		// The writer answers all it accepted before it ends; look once more.
		select {
		case err := <-o.done:
			return err
		default:
			return store.ErrClosed
		}
	}
}

func (st *Store) writer() {
	defer close(st.writerDone)
	group := make([]*op, 0, maxGroup)
	for {
		group = group[:0]
		select {
		case o := <-st.ops:
			group = append(group, o)
		case <-st.closing:
			// Nothing new is accepted; what was accepted is done.
			for {
				select {
				case o := <-st.ops:
					st.commit([]*op{o})
				default:
					return
				}
			}
		}
		st.commit(gather(st.ops, group))
		st.afterCommit()
	}
}

// commit runs a group of verbs as one transaction and answers each.
func (st *Store) commit(group []*op) {
	errs := make([]error, len(group))
	fail := func(err error) {
		st.failed(err)
		for _, o := range group {
			o.done <- err
		}
	}
	t, err := st.begin()
	if err != nil {
		fail(unavailable(err))
		return
	}
	var suspect error // an error after which the connection is not trusted
	for i, o := range group {
		var torn bool
		errs[i], torn = t.inSavepoint(len(group) > 1, o.run)
		if torn || t.c.AutocommitEnabled() {
			// A savepoint could not be closed, or SQLite itself rolled the
			// transaction back: disk full or an I/O error. All of the group
			// is lost.
			cause := errs[i]
			if cause == nil {
				cause = errors.New("transaction was rolled back")
			}
			if !t.c.AutocommitEnabled() {
				_ = t.run("ROLLBACK")
			}
			st.broken(cause)
			fail(unavailable(cause))
			return
		}
		if errors.Is(classify(errs[i]), store.ErrUnavailable) {
			suspect = errs[i]
		}
		if errs[i] != nil && len(group) == 1 {
			_ = t.run("ROLLBACK")
			err := classify(errs[i])
			if errors.Is(err, store.ErrUnavailable) {
				st.broken(err)
				st.failed(err)
			}
			o.done <- err
			return
		}
	}
	if err := t.commit(); err != nil {
		if !t.c.AutocommitEnabled() {
			_ = t.run("ROLLBACK")
		}
		st.broken(err)
		fail(unavailable(err))
		return
	}
	st.works()
	st.commits.Add(1)
	st.verbs.Add(int64(len(group)))
	st.settle(&t.notes)
	if suspect != nil {
		st.broken(suspect)
	}
	for i, o := range group {
		o.done <- classify(errs[i])
	}
}

func (st *Store) begin() (*tx, error) {
	if st.wc == nil {
		c, err := openConn(st.path)
		if err != nil {
			return nil, err
		}
		if err := c.prepare(st.path); err != nil {
			_ = c.c.Close()
			return nil, err
		}
		st.wc = c
	}
	t := &st.tx
	t.conn = *st.wc
	t.notes.cut(mark{})
	clear(t.dirty)
	if err := t.q("BEGIN IMMEDIATE").exec(); err != nil {
		st.broken(err)
		return nil, err
	}
	return t, nil
}

// inSavepoint runs a verb so that its failure leaves no trace. A verb that is
// alone needs no savepoint: the whole transaction goes. So it does when the
// savepoint is torn: what the verb did can be neither kept nor undone alone.
func (t *tx) inSavepoint(shared bool, run func(*tx) error) (err error, torn bool) {
	if !shared {
		return run(t), false
	}
	m := t.notes.mark()
	if err := t.q("SAVEPOINT verb").exec(); err != nil {
		return err, true
	}
	err = run(t)
	if t.c.AutocommitEnabled() {
		return err, true
	}
	if err != nil {
		t.forget(m)
		if rerr := t.q("ROLLBACK TO verb").exec(); rerr != nil {
			return errors.Join(err, rerr), true
		}
	}
	if rerr := t.q("RELEASE verb").exec(); rerr != nil {
		return errors.Join(err, rerr), true
	}
	return err, false
}

// settle does what follows from a commit: caches, counters, wakes.
func (st *Store) settle(n *notes) {
	st.live.merge(n.jobs, n.bounds)
	st.open.Add(n.open)
	st.blockedKeys.Add(n.blocks)
	st.deadLetters.Add(n.letters)
	for _, f := range n.then {
		f()
	}
	if len(n.lanes) > 0 {
		st.wakes.Lanes.Post(n.lanes...)
	}
	if len(n.jobs) > 0 && st.wakes.Jobs.Watched() {
		ids := make([]flow.ID, len(n.jobs))
		for i, j := range n.jobs {
			ids[i] = j.ID
		}
		st.wakes.Jobs.Note(ids...)
	}
}

// classify turns SQLite's trouble into the contract's errors.
func classify(err error) error {
	if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull, sqlite.ResultIOErr, sqlite.ResultNoMem, sqlite.ResultBusy, sqlite.ResultReadOnly,
		sqlite.ResultCantOpen, sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return unavailable(err)
	}
	return err
}

func unavailable(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// broken decides whether the connection can be trusted after an error. After
// an I/O error it can not: what is in its cache may not be what is on disk.
func (st *Store) broken(err error) {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull, sqlite.ResultBusy:
		return
	}
	if st.wc != nil {
		_ = st.wc.c.Close()
		st.wc = nil
	}
}

// failed remembers trouble for Health. It is logged once, until it is over.
func (st *Store) failed(err error) {
	if st.lastErr.Swap(&err) == nil {
		st.log.Error("store can not write; it is tried again with each verb", "error", err)
	}
}

func (st *Store) works() {
	if st.lastErr.Load() != nil && st.lastErr.Swap(nil) != nil {
		st.log.Info("store can write again")
	}
}

// wake notes that something about a lane changed.
func (t *tx) wake(lane string) {
	if n := len(t.notes.lanes); n > 0 && t.notes.lanes[n-1] == lane {
		return
	}
	t.notes.lanes = append(t.notes.lanes, lane)
}

// load returns a job as it is inside this transaction.
func (t *tx) load(id flow.ID) (flow.Job, error) {
	if j := t.dirty[id]; j != nil {
		return *j, nil
	}
	if j := t.st.live.get(id); j != nil {
		return *j, nil
	}
	return t.job(&t.st.pol, id)
}

// put notes what a job has become.
func (t *tx) put(j *flow.Job) {
	kept := *j
	t.dirty[j.ID] = &kept
	t.notes.jobs = append(t.notes.jobs, &kept)
}

// forget takes back what a verb that failed has noted.
func (t *tx) forget(m mark) {
	for _, j := range t.notes.jobs[m.jobs:] {
		delete(t.dirty, j.ID)
	}
	t.notes.cut(m)
	for _, j := range t.notes.jobs {
		t.dirty[j.ID] = j
	}
}

func isOut(s flow.Status) bool { return s == flow.Queued || s == flow.Processing }
