package fill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

// Shape is what a store is filled with.
type Shape struct {
	// Jobs is how many, at least 1000.
	Jobs int
	// PerEvent is how many jobs an event has. Default: the constant.
	PerEvent int
	// Until is when the newest event was accepted; the oldest was Span before.
	// Defaults: now, and 30 days.
	Until time.Time
	Span  time.Duration
	// Clients, Types and Subscriptions are ids that the store knows. A
	// subscription here takes every event.
	Clients, Types, Subscriptions []string
	// Say is told how far it is. Default: nobody.
	Say func(format string, args ...any)
}

// Filled is what is in the store now, and where to look for it.
type Filled struct {
	Events, Jobs, Attempts, Letters, Pending, Blocked, Audit int
	Bytes                                                    int64

	// Of rows about in the middle of the time.
	EventID, JobID, LetterID, AuditID string
	EntityID, Correlation, OrderKey   string
	Middle                            time.Time

	// From when the oldest event is, and how much time there is from it on.
	Oldest time.Time
	Span   time.Duration
}

// PerEvent is how many jobs an event has unless a shape says otherwise.
const PerEvent = 4

// BytesPerJob is about how much disk a job takes with its part of an event, for
// who wants to know before.
const BytesPerJob = 750

func (sh *Shape) defaults() error {
	if sh.Jobs < 1000 {
		return fmt.Errorf("fill: %d jobs are too few to be of all kinds. Try: 1000", sh.Jobs)
	}
	if len(sh.Clients) == 0 || len(sh.Types) == 0 || len(sh.Subscriptions) == 0 {
		return errors.New("fill: a client, a type and a subscription are needed")
	}
	if sh.PerEvent == 0 {
		sh.PerEvent = PerEvent
	}
	if sh.PerEvent > len(sh.Subscriptions) {
		return fmt.Errorf("fill: an event can not have %d jobs with %d subscriptions", sh.PerEvent, len(sh.Subscriptions))
	}
	if sh.Until.IsZero() {
		sh.Until = time.Now()
	}
	if sh.Span == 0 {
		sh.Span = 30 * 24 * time.Hour
	}
	if sh.Say == nil {
		sh.Say = func(string, ...any) {}
	}
	return nil
}

// Fill fills the store in a file, which nobody may have open.
func Fill(ctx context.Context, path string, sh Shape) (f Filled, err error) {
	if err := sh.defaults(); err != nil {
		return f, err
	}
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return f, fmt.Errorf("fill: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	c.SetInterrupt(ctx.Done())
	w := &filler{c: c, sh: sh}
	if err := w.fill(); err != nil {
		return f, fmt.Errorf("fill: %w", err)
	}
	return w.done, nil
}

type filler struct {
	c    *sqlite.Conn
	sh   Shape
	done Filled

	policy int64
	ids    ids
	rand   random
	sums   map[sum]int64
}

// ids makes ids in order: the millisecond, and a number within it.
type ids struct{ last int64 }

func (g *ids) at(ms int64, r uint64) int64 {
	g.last = max(g.last+1, ms<<22|int64(r&(1<<20-1)))
	return g.last
}

// random is splitmix64: the same rows every time.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// sum is a row of the sums by the hour.
type sum struct {
	hour   int64
	count  int
	client string
	name   string
}

func (w *filler) count(ms int64, count int, client, name string) {
	w.sums[sum{ms / 3_600_000, count, client, name}]++
	w.sums[sum{0, count, client, ""}]++
}

func (w *filler) fill() error {
	w.sums = map[sum]int64{}
	for _, s := range []string{"PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-524288", "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA temp_store=FILE"} {
		if err := w.run(s); err != nil {
			return err
		}
	}
	var err error
	if w.policy, err = w.number("SELECT min(id) FROM policies"); err != nil {
		return err
	}
	if w.policy == 0 {
		return errors.New("the store has seen no job yet: let it deliver one first, so that it has a retry policy")
	}
	// What is after the place of the fan-out would be fanned out again.
	fanned, err := w.number("SELECT value FROM meta WHERE key = 'fanned'")
	if err != nil {
		return err
	}
	if last := time.UnixMilli(fanned >> 22).Add(-time.Second); last.Before(w.sh.Until) {
		w.sh.Until = last
	}
	w.done.Oldest, w.done.Span = w.sh.Until.Add(-w.sh.Span), w.sh.Span
	indexes, err := w.texts("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('events', 'jobs', 'audit') ORDER BY name")
	if err != nil {
		return err
	}
	for _, s := range indexes {
		words := strings.Fields(strings.Replace(s, " UNIQUE ", " ", 1))
		if err := w.run("DROP INDEX " + words[2]); err != nil {
			return err
		}
	}
	if err := w.run("BEGIN"); err != nil {
		return err
	}
	for _, part := range []func() error{w.flow, w.audit, w.saveSums} {
		if err := part(); err != nil {
			return err
		}
	}
	if err := w.run("COMMIT"); err != nil {
		return err
	}
	for _, s := range indexes {
		w.sh.Say("%s", strings.Join(strings.Fields(s), " "))
		if err := w.run(s); err != nil {
			return err
		}
	}
	pages, err := w.number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
	w.done.Bytes = pages
	if err != nil {
		return err
	}
	return w.run("PRAGMA journal_mode=WAL")
}

func (w *filler) saveSums() error {
	s, err := w.c.Prepare("INSERT INTO rollups(hour, count, client, name, n) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(hour, count, client, name) DO UPDATE SET n = n + ?5")
	if err != nil {
		return err
	}
	for k, n := range w.sums {
		s.BindInt64(1, k.hour)
		s.BindInt64(2, int64(k.count))
		s.BindText(3, k.client)
		s.BindText(4, k.name)
		s.BindInt64(5, n)
		if err := end(s); err != nil {
			return err
		}
	}
	return nil
}

// end runs a statement that returns nothing, and makes it ready for the next time.
func end(s *sqlite.Stmt) error {
	if _, err := s.Step(); err != nil {
		return err
	}
	return s.Reset()
}

func (w *filler) run(sql string) error {
	s, _, err := w.c.PrepareTransient(sql)
	if err != nil {
		return err
	}
	for {
		more, err := s.Step()
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", sql, err), s.Finalize())
		}
		if !more {
			return s.Finalize()
		}
	}
}

func (w *filler) texts(sql string) (out []string, err error) {
	s, _, err := w.c.PrepareTransient(sql)
	if err != nil {
		return nil, err
	}
	for {
		more, err := s.Step()
		if err != nil || !more {
			return out, errors.Join(err, s.Finalize())
		}
		out = append(out, s.ColumnText(0))
	}
}

func (w *filler) number(sql string) (n int64, err error) {
	s, _, err := w.c.PrepareTransient(sql)
	if err != nil {
		return 0, err
	}
	if _, err = s.Step(); err == nil {
		n = s.ColumnInt64(0)
	}
	return n, errors.Join(err, s.Finalize())
}
