package sqlite

import (
	"slices"
	"sync"
	"time"
)

type kind uint8

const (
	publish kind = iota
	ack
	bury
	fill
	read
)

// op is one verb on its way through the writer.
type op struct {
	kind    kind
	batch   []stored // publish: in order
	body    []byte   // publish: the bodies, end to end
	ends    []int    // publish: where each body ends
	unbury  []int64  // publish: the dead letters that the batch was, if it was
	leases  []*lease // ack, bury
	reasons []string // bury: one for each lease
	at      int64    // bury: now
	read    func(*database) error

	done chan struct{}
	err  error // to be read after done is closed
}

func (o *op) writes() bool { return o.kind <= bury }

// step names the places where a test can let the writer fail.
type step string

const (
	stepBegin      step = "begin"
	stepInsert     step = "insert"
	stepDelete     step = "delete"
	stepCommit     step = "commit"
	stepRead       step = "read"
	stepCheckpoint step = "checkpoint"
)

// groupBytes bounds the bodies of one transaction, and with them the WAL.
const groupBytes = 8 << 20

// idleAfter is how long nothing must have been asked for before the writer
// tidies up. It is the wall's time, since it is about load and not about leases.
const idleAfter = time.Second

// run is the writer. It ends when the queue is closed, the list is empty and
// nothing lingers.
func (q *Queue) run() {
	defer close(q.done)
	defer func() { q.db.close() }()
	idle, linger := time.NewTimer(idleAfter), time.NewTimer(0)
	defer idle.Stop()
	defer linger.Stop()
	for {
		group, closed := q.nextGroup()
		q.serve(group)
		if closed && len(group) == 0 {
			q.closeErr = q.flushAll(true)
			return
		}
		wait := q.flushDue()
		if len(group) > 0 || wait == 0 {
			q.tidy(false)
			idle.Reset(idleAfter)
			continue
		}
		if wait > 0 {
			linger.Reset(wait)
		}
		select {
		case <-q.kick:
		case <-linger.C:
		case <-idle.C:
			if q.tidy(true) {
				idle.Reset(idleAfter)
			}
		}
	}
}

// nextGroup takes from the list what one transaction should hold.
func (q *Queue) nextGroup() (group []*op, closed bool) {
	q.listMu.Lock()
	defer q.listMu.Unlock()
	size, n := 0, 0
	for n < len(q.list) && (n == 0 || size+len(q.list[n].body) <= groupBytes) {
		size += len(q.list[n].body)
		n++
	}
	group = q.list[:n:n]
	q.list = q.list[n:]
	if len(q.list) == 0 {
		q.list = nil
	}
	q.waitingBytes -= size
	return group, q.closed.Load()
}

// serve runs the writes of a group in one transaction, then its reads, and
// answers everybody.
func (q *Queue) serve(group []*op) {
	writes := make([]*op, 0, len(group))
	for _, o := range group {
		if o.writes() {
			writes = append(writes, o)
		}
	}
	writes = q.flushBuried(writes)
	if err := q.commit(writes); err != nil && len(writes) > 1 {
		// One of them may have been the reason, such as a publish on a full
		// disk: let each try alone, and first those that free space.
		slices.SortStableFunc(writes, func(a, b *op) int { return int(b.kind) - int(a.kind) })
		for i := range writes {
			q.finish(writes[i:i+1], q.commit(writes[i:i+1]))
		}
	} else {
		q.finish(writes, err)
	}
	for _, o := range group {
		if !o.writes() {
			o.err = q.serveRead(o)
			close(o.done)
		}
	}
}

// commit runs ops as one transaction. With an error none of them happened,
// unless the disk failed at the very commit.
func (q *Queue) commit(ops []*op) error {
	if len(ops) == 0 {
		return nil
	}
	err := q.transact(func(db *database) error { return q.apply(db, ops) })
	if err == nil || !q.db.broken {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, o := range ops {
		// Should the rows be there after all, a fill will find them.
		if o.kind == publish && o.batch[0].seq > 0 {
			q.doubtful = appendSpan(q.doubtful, o.batch)
		}
	}
	return err
}

// transact runs work as one transaction on the open database.
func (q *Queue) transact(work func(*database) error) error {
	db, err := q.database()
	if err != nil {
		return err
	}
	if err := q.fail(stepBegin); err != nil {
		return db.failed(err)
	}
	if err := db.begin(); err != nil {
		return db.failed(err)
	}
	db.written = 0
	db.change = totals{}
	err = work(db)
	if err == nil {
		err = q.fail(stepCommit)
	}
	if err == nil {
		err = db.commit()
	}
	if err != nil {
		db.rollback()
		return db.failed(err)
	}
	return nil
}

// apply writes what the ops ask for within the open transaction.
func (q *Queue) apply(db *database, ops []*op) error {
	at := q.opts.Now().UnixMilli()
	var gone []int64
	for _, o := range ops {
		switch o.kind {
		case publish:
			if err := q.fail(stepInsert); err != nil {
				return err
			}
			for _, key := range o.unbury {
				if err := db.unbury(key); err != nil {
					return err
				}
			}
			q.number(o.batch, at)
			start := 0
			for i := range o.batch {
				s := &o.batch[i]
				if err := db.insert(s.seq, s.msg.ID, at, o.body[start:o.ends[i]]); err != nil {
					return err
				}
				start = o.ends[i]
			}
		case ack:
			for _, l := range o.leases {
				gone = append(gone, l.seq)
			}
		case bury:
			if err := q.fail(stepDelete); err != nil {
				return err
			}
			for i, l := range o.leases {
				if err := db.bury(l.seq, l.deliveries, o.at, o.reasons[i]); err != nil {
					return err
				}
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := q.fail(stepDelete); err != nil {
		return err
	}
	return db.remove(gone)
}

// number gives the messages of a batch their seqs.
func (q *Queue) number(batch []stored, at int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range batch {
		batch[i].seq, batch[i].at = q.next, at
		q.next++
	}
}

// finish brings memory in line with the outcome of a transaction and answers
// its callers.
func (q *Queue) finish(ops []*op, err error) {
	if len(ops) == 0 {
		return
	}
	q.mu.Lock()
	if err == nil {
		q.count()
	}
	for _, o := range ops {
		switch {
		case o.kind != publish:
			q.settled(o.leases, err)
		case err == nil:
			q.published(o.batch, q.opts.MemoryBytes)
		}
	}
	q.wake()
	q.mu.Unlock()
	for _, o := range ops {
		if o.kind == publish {
			freeBody(o.body)
		}
		o.err = err
		close(o.done)
	}
}

func (q *Queue) serveRead(o *op) error {
	err := q.readNow(o)
	if o.kind == fill {
		q.mu.Lock()
		q.filling = nil
		q.wake()
		q.mu.Unlock()
	}
	return err
}

func (q *Queue) readNow(o *op) error {
	db, err := q.database()
	if err != nil {
		return err
	}
	if err := q.fail(stepRead); err != nil {
		return db.failed(err)
	}
	if o.kind == fill {
		return db.failed(q.fill(db))
	}
	return db.failed(o.read(db))
}

// database returns the open database, reopening it after a failure of the disk.
func (q *Queue) database() (*database, error) {
	if !q.db.broken {
		return q.db, nil
	}
	q.db.close()
	db, err := openDatabase(q.path, false)
	if err != nil {
		return nil, err
	}
	q.db = db
	if err := q.reconcile(db); err != nil {
		db.broken = true
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	// What a failed commit left behind is counted now.
	q.totals.messages, q.totals.dead = db.totals.messages, db.totals.dead
	q.opts.Logger.Info("the queue file was reopened after an error", "path", q.path)
	return db, nil
}

func (q *Queue) fail(s step) error {
	if fault := q.fault.Load(); fault != nil {
		return (*fault)(s)
	}
	return nil
}

// maxPooledBody keeps a rare huge batch from staying in memory.
const maxPooledBody = 1 << 20

var bodies = sync.Pool{New: func() any { return new([]byte) }}

func newBody() []byte {
	return (*bodies.Get().(*[]byte))[:0]
}

func freeBody(b []byte) {
	if cap(b) <= maxPooledBody {
		bodies.Put(&b)
	}
}
