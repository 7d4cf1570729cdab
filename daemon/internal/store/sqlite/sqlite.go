package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// Options are the settings of a store. The zero value is ready.
type Options struct {
	// Logger gets what no caller can be told. Default: discard.
	Logger *slog.Logger
	// CacheBytes bounds the event data kept in memory. Default: 16 MiB.
	CacheBytes int
	// HotJobs bounds the PENDING jobs kept in memory; an eighth of it each
	// lane. Default: 16384.
	HotJobs int
	// Readers is the number of reading connections. Default: 3.
	Readers int
	// Now is the time of opening, at which leases of the former owner end.
	// Default: the clock's.
	Now time.Time
}

// Store implements store.Store.
type Store struct {
	path string
	log  *slog.Logger
	lock *os.File
	ids  flow.IDs

	ops        chan *op
	closing    chan struct{}
	closeOnce  sync.Once
	writerDone chan struct{}
	wc         *conn // the writer's; only the writer touches it
	tx         tx
	lastErr    atomic.Pointer[error]

	readers chan *conn
	opened  int // readers
	wakes   *store.Wakes
	cache   *eventCache
	live    live
	pol     policies
	hours   hours

	fanned      atomic.Int64
	last        atomic.Int64
	version     atomic.Int64
	open        atomic.Int64
	backlog     atomic.Int64
	blockedKeys atomic.Int64
	deadLetters atomic.Int64
	commits     atomic.Int64
	verbs       atomic.Int64

	wal checkpointer
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the database and makes this process its owner. It
// returns a *LockedError if another process is.
func Open(path string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 16 << 20
	}
	if o.HotJobs == 0 {
		o.HotJobs = 16_384
	}
	if o.Readers == 0 {
		o.Readers = 3
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	st := &Store{
		path: path, log: o.Logger, lock: lock,
		ops: make(chan *op, maxGroup), closing: make(chan struct{}), writerDone: make(chan struct{}),
		readers: make(chan *conn, o.Readers), wakes: store.NewWakes(), cache: newEventCache(o.CacheBytes),
	}
	st.wal.quit, st.wal.done = make(chan struct{}), make(chan struct{})
	st.live.init(o.HotJobs)
	st.tx.st, st.tx.dirty, st.tx.sums = st, map[flow.ID]*flow.Job{}, map[roll]int64{}
	st.pol.init()
	st.hours.init()
	if err := st.start(o); err != nil {
		st.release()
		return nil, err
	}
	go st.writer()
	go st.wal.run(st)
	return st, nil
}

func (st *Store) start(o Options) error {
	if err := checkFile(st.path); err != nil {
		return err
	}
	c, err := openConn(st.path)
	if err != nil {
		return unreadable(st.path, err)
	}
	if err := c.prepare(st.path); err != nil {
		_ = c.c.Close()
		return err
	}
	st.wc = c
	if err := st.load(o.Now); err != nil {
		return unreadable(st.path, err)
	}
	for range o.Readers {
		r, err := openReader(st.path)
		if err != nil {
			return err
		}
		st.readers <- r
		st.opened++
	}
	return st.wal.open(st.path)
}

func openReader(path string) (*conn, error) {
	r, err := openConn(path)
	if err != nil {
		return nil, err
	}
	for _, s := range []string{"PRAGMA query_only=ON", "PRAGMA cache_size=-4096"} {
		if err := r.run(s); err != nil {
			_ = r.c.Close()
			return nil, err
		}
	}
	return r, nil
}

// load reads what the process keeps in memory and returns the leases of the
// former owner, who is dead.
func (st *Store) load(now time.Time) error {
	read := func(sql string, to *atomic.Int64) error {
		n, err := st.wc.q(sql).number()
		to.Store(n)
		return err
	}
	if err := errors.Join(
		read("SELECT value FROM meta WHERE key = 'fanned'", &st.fanned),
		read("SELECT value FROM meta WHERE key = 'resources'", &st.version),
		read("SELECT max(ifnull((SELECT max(position) FROM events), 0), ifnull((SELECT max(id) FROM jobs), 0), ifnull((SELECT max(position) FROM jobs), 0), ifnull((SELECT max(id) FROM audit), 0))", &st.last),
		read("SELECT count(*) FROM events WHERE position > (SELECT value FROM meta WHERE key = 'fanned')", &st.backlog),
		read("SELECT count(*) FROM gates WHERE blocked IS NOT NULL", &st.blockedKeys),
		read("SELECT count(*) FROM jobs INDEXED BY jobs_letters WHERE status IN (14, 16)", &st.deadLetters),
	); err != nil {
		return err
	}
	st.ids.After(flow.ID(st.last.Load()))
	st.cache.from = st.last.Load()
	if err := st.wc.q("SELECT id, body FROM policies").each(st.pol.load); err != nil {
		return err
	}
	if err := st.wc.q("SELECT DISTINCT lane FROM jobs INDEXED BY jobs_ready WHERE ready = 1").each(func(s *sqlite.Stmt) bool {
		st.live.lane(s.ColumnText(0)).bound = firstKey
		return true
	}); err != nil {
		return err
	}
	t, err := st.begin()
	if err != nil {
		return err
	}
	if err := t.returnLeases(now); err != nil {
		_ = t.run("ROLLBACK")
		return err
	}
	if err := t.commit(); err != nil {
		return err
	}
	st.settle(&t.notes)
	return read("SELECT (SELECT count(*) FROM jobs WHERE ready = 1) + (SELECT count(*) FROM jobs WHERE waiting = 1)", &st.open)
}

// busyTimeout is how long a connection waits for another's lock. There is one
// writer, so only the end of a checkpoint or of a recovery is waited for.
const busyTimeout = 10 * time.Second

func openConn(path string) (*conn, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	c.SetBusyTimeout(busyTimeout)
	return &conn{c: c}, nil
}

// isClosed is ErrClosed from Close on. Verbs that are answered from memory ask
// it; all others meet it on their way.
func (st *Store) isClosed() error {
	select {
	case <-st.closing:
		return store.ErrClosed
	default:
		return nil
	}
}

// read runs fn with a reading connection.
func (st *Store) read(ctx context.Context, fn func(*conn) error) error {
	var c *conn
	select {
	case c = <-st.readers:
	default:
		select {
		case c = <-st.readers:
		case <-st.closing:
			return store.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := st.isClosed(); err != nil {
		st.readers <- c
		return err
	}
	err := classify(fn(c))
	if errors.Is(err, store.ErrUnavailable) {
		// What the connection has cached may not be what is on disk.
		if r, oerr := openReader(st.path); oerr == nil {
			_ = c.c.Close()
			c = r
		}
	}
	st.readers <- c
	return err
}

// snapshot is a read in which all statements see the same commit.
func (st *Store) snapshot(ctx context.Context, fn func(*conn) error) error {
	return st.read(ctx, func(c *conn) error {
		if err := c.q("BEGIN").exec(); err != nil {
			return err
		}
		err := fn(c)
		if eerr := c.q("COMMIT").exec(); err == nil {
			err = eerr
		}
		if !c.c.AutocommitEnabled() {
			_ = c.run("ROLLBACK")
		}
		return err
	})
}

// Wakes implements store.Store.
func (st *Store) Wakes() *store.Wakes { return st.wakes }

// Health implements store.Store. A store that failed is tried again by the
// asking itself.
func (st *Store) Health(ctx context.Context) error {
	if err := st.isClosed(); err != nil {
		return err
	}
	if st.lastErr.Load() == nil {
		return nil
	}
	return st.write(ctx, func(t *tx) error {
		// An update that changes nothing would write nothing, and prove nothing.
		return t.q("INSERT INTO meta(key, value) VALUES ('probe', 1) ON CONFLICT(key) DO UPDATE SET value = value + 1").exec()
	})
}

// Close implements store.Store.
func (st *Store) Close() error {
	st.closeOnce.Do(func() {
		close(st.closing)
		<-st.writerDone
		st.wal.stop()
		st.release()
	})
	return nil
}

// release closes what is open, last opened first.
func (st *Store) release() {
	st.wal.close()
	for ; st.opened > 0; st.opened-- {
		select {
		case c := <-st.readers:
			_ = c.c.Close()
		case <-time.After(10 * time.Second):
			st.log.Error("a read did not end; its connection is left open")
		}
	}
	if st.wc != nil {
		_ = st.wc.run("PRAGMA wal_checkpoint(TRUNCATE)")
		_ = st.wc.c.Close()
		st.wc = nil
	}
	st.wal.closeFile()
	_ = st.lock.Close()
}
