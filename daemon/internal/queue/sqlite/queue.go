package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// Options configures a queue file. The zero value is ready to use.
type Options struct {
	// Visibility is how long a lease lasts; 1 minute when zero.
	Visibility time.Duration
	// MaxBytes bounds one encoded message; 1 MiB when zero.
	MaxBytes int
	// MemoryBytes bounds the messages that are kept in memory, for the next
	// Receive or because they linger; 16 MiB when zero. What is read back from
	// the file may go beyond it by an eighth.
	MemoryBytes int
	// Linger is how long a ticket may live in memory before it is written to
	// the file; one that is acked earlier never costs a write. A crash takes
	// what lingers, so the store must make the tickets of QUEUED jobs anew when
	// it is opened, as the embedded one does. Zero writes every message before
	// Publish returns. DefaultLinger is meant for production.
	Linger time.Duration
	// Now is the clock for leases, delays and ages; time.Now when nil.
	Now func() time.Time
	// Logger hears of trouble that no caller can be told of; silent when nil.
	Logger *slog.Logger
}

// DefaultLinger is longer than most tickets live and shorter than an operator
// would notice.
const DefaultLinger = 2 * time.Second

func (o Options) withDefaults() Options {
	o.Visibility = cmp.Or(o.Visibility, time.Minute)
	o.MaxBytes = cmp.Or(o.MaxBytes, 1<<20)
	o.MemoryBytes = cmp.Or(o.MemoryBytes, 16<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// maxWaitingBytes bounds the bodies that wait for the writer. More than that
// gathers only when the disk stands still and callers give up and come again.
const maxWaitingBytes = 64 << 20

var errBusy = errors.New("too much is waiting to be written")

// Queue is an open queue file.
type Queue struct {
	opts   Options
	path   string
	opened time.Time
	done   chan struct{}

	// Owned by the writer.
	db       *database
	flushing []*item       // kept for the next flush
	retry    time.Duration // the pause after a flush that failed, or zero
	retryAt  time.Duration // by age
	closeErr error         // to be read after done is closed

	// fault lets a test fail the writer before a step of its work.
	fault atomic.Pointer[func(step) error]

	// listMu guards the verbs that wait for the writer. It may be taken while
	// mu is held, never the other way round.
	listMu       sync.Mutex
	list         []*op
	waitingBytes int
	closed       atomic.Bool   // set while listMu is held
	kick         chan struct{} // tells the writer that list or closed changed

	mu sync.Mutex
	memory
}

var (
	_ queue.Queue    = (*Queue)(nil)
	_ queue.Lister   = (*Queue)(nil)
	_ queue.Redriver = (*Queue)(nil)
)

// Open opens the queue in the file at path, or creates it when there is none.
// A file that is in use, damaged, or not a queue is left as it is.
func Open(path string, o Options) (*Queue, error) {
	o = o.withDefaults()
	db, err := openDatabase(path, true)
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", path, err)
	}
	q := &Queue{
		opts: o, path: path, opened: time.Now(), db: db,
		done: make(chan struct{}), kick: make(chan struct{}, 1),
	}
	q.memory.init(db.totals)
	go q.run()
	return q, nil
}

// Features implements queue.Queue.
func (q *Queue) Features() queue.Features {
	return queue.Features{
		Visibility: q.opts.Visibility, MaxBytes: q.opts.MaxBytes, Linger: q.opts.Linger,
		Peek: true, DeadLetters: true, InOrder: true,
	}
}

// Close implements queue.Queue. It writes what lingers; its error says that
// this was not possible, and only the first of several calls hears it.
func (q *Queue) Close() error {
	q.listMu.Lock()
	again := q.closed.Swap(true)
	q.listMu.Unlock()
	q.signal()
	<-q.done // every waiting Receive watches it as well
	if again || q.closeErr == nil {
		return nil
	}
	return fmt.Errorf("close queue %s: %w", q.path, q.closeErr)
}

// submit hands an op to the writer.
func (q *Queue) submit(o *op) error {
	o.done = make(chan struct{})
	q.listMu.Lock()
	defer q.listMu.Unlock()
	if q.closed.Load() {
		return queue.ErrClosed
	}
	if len(o.body) > 0 && q.waitingBytes+len(o.body) > maxWaitingBytes {
		return errBusy
	}
	q.waitingBytes += len(o.body)
	q.list = append(q.list, o)
	q.signal()
	return nil
}

func (q *Queue) signal() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// do submits an op and waits for it or for ctx. The op may still take effect
// when ctx ends first.
func (q *Queue) do(ctx context.Context, o *op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := q.submit(o); err != nil {
		return err
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
