package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func record(key string, revision int64, ends time.Time) store.Entry {
	return store.Entry{Space: "session", Key: key, Group: "login-" + key[:1], Owner: "prn_" + key[:1], Body: []byte(`{"key":"` + key + `"}`), Revision: revision, ExpiresAt: ends}
}

func (w *world) swap(put ...store.Entry) {
	w.must(w.s.SwapEntries(w.ctx, put, nil, w.now), "swap entries")
}

func (w *world) keys(q store.EntryQuery) string {
	q.Space = "session"
	es, err := w.s.ListEntries(w.ctx, q, w.now)
	w.must(err, "list entries")
	keys := make([]string, len(es))
	for i, e := range es {
		keys[i] = e.Key
	}
	return fmt.Sprint(keys)
}

var entryCases = []testCase{
	{name: "are kept until their end", run: func(w *world) {
		v := w.version()
		end := w.now.Add(time.Minute)
		w.swap(record("a1", 0, end))
		for range 2 {
			e, err := w.s.Entry(w.ctx, store.EntryKey{Space: "session", Key: "a1"}, w.now)
			w.must(err, "read entry")
			want(w, "the entry", fmt.Sprint(e.Group, e.Owner, string(e.Body), e.Revision), `login-aprn_a{"key":"a1"}1`)
			w.wantTime("its end", e.ExpiresAt, end)
			w.crash()
		}
		want(w, "the version of the resources", w.version(), v)
		_, err := w.s.Entry(w.ctx, store.EntryKey{Space: "other", Key: "a1"}, w.now)
		w.wantErr("read it in another space", err, store.ErrNotFound)
		w.sleep(time.Minute - time.Millisecond)
		_, err = w.s.Entry(w.ctx, store.EntryKey{Space: "session", Key: "a1"}, w.now)
		w.must(err, "read entry just before its end")
		w.sleep(time.Millisecond)
		_, err = w.s.Entry(w.ctx, store.EntryKey{Space: "session", Key: "a1"}, w.now)
		w.wantErr("read an entry that has ended", err, store.ErrNotFound)
		want(w, "what is listed", w.keys(store.EntryQuery{}), "[]")
		w.swap(record("a1", 0, w.now.Add(time.Minute))) // as if it were not there
	}},
	{name: "are swapped whole or not at all", run: func(w *world) {
		end := w.now.Add(time.Hour)
		w.swap(record("a1", 0, end), record("a2", 0, end))
		for _, wrong := range []int64{0, 2, -1} {
			err := w.s.SwapEntries(w.ctx, []store.Entry{record("a3", 0, end), record("a1", wrong, end)}, []store.EntryKey{{Space: "session", Key: "a2"}}, w.now)
			w.wantErr(fmt.Sprintf("swap at revision %d instead of 1", wrong), err, store.ErrConflict)
		}
		err := w.s.SwapEntries(w.ctx, []store.Entry{record("a4", 1, end)}, nil, w.now)
		w.wantErr("swap what is not there", err, store.ErrConflict)
		w.crash()
		want(w, "what is there", w.keys(store.EntryQuery{}), "[a1 a2]")
		changed := record("a1", 1, end)
		changed.Body = []byte("x")
		w.must(w.s.SwapEntries(w.ctx, []store.Entry{changed, record("a3", 0, end)}, []store.EntryKey{{Space: "session", Key: "a2"}, {Space: "session", Key: "none"}}, w.now), "swap entries")
		w.crash()
		want(w, "what is there then", w.keys(store.EntryQuery{}), "[a1 a3]")
		e, err := w.s.Entry(w.ctx, store.EntryKey{Space: "session", Key: "a1"}, w.now)
		w.must(err, "read entry")
		want(w, "the entry", fmt.Sprint(string(e.Body), e.Revision), "x2")
	}},
	{name: "have one winner per revision among many", run: func(w *world) {
		const writers = 8
		var won atomic.Int64
		var wg sync.WaitGroup
		failures := make(chan error, writers)
		for range writers {
			wg.Go(func() {
				switch err := w.s.SwapEntries(w.ctx, []store.Entry{record("a1", 0, epoch.Add(time.Hour))}, nil, epoch); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrConflict):
					failures <- err
				}
			})
		}
		wg.Wait()
		close(failures)
		for err := range failures {
			w.fail("swap: %v", err)
		}
		want(w, "winners", won.Load(), 1)
	}},
	{name: "are found by group and owner", run: func(w *world) {
		end := w.now.Add(time.Hour)
		w.swap(record("a1", 0, end), record("a2", 0, end), record("a3", 0, end), record("b1", 0, end), record("b2", 0, w.now.Add(time.Second)))
		want(w, "of a group", w.keys(store.EntryQuery{Group: "login-a"}), "[a1 a2 a3]")
		want(w, "of an owner", w.keys(store.EntryQuery{Owner: "prn_b"}), "[b1 b2]")
		want(w, "of both", w.keys(store.EntryQuery{Owner: "prn_b", Group: "login-a"}), "[]")
		want(w, "a page", w.keys(store.EntryQuery{Owner: "prn_a", Limit: 2}), "[a1 a2]")
		want(w, "the next", w.keys(store.EntryQuery{Owner: "prn_a", Limit: 2, After: "a2"}), "[a3]")
		w.sleep(time.Second)
		want(w, "of an owner later", w.keys(store.EntryQuery{Owner: "prn_b"}), "[b1]")
	}},
	{name: "are dropped by group and owner, and when they have ended", run: func(w *world) {
		end := w.now.Add(time.Hour)
		w.swap(record("a1", 0, end), record("a2", 0, end), record("b1", 0, end), record("c1", 0, w.now.Add(time.Second)), record("c2", 0, w.now.Add(time.Second)))
		if _, err := w.s.DropEntries(w.ctx, store.EntryQuery{Space: "session"}); err == nil {
			w.fail("entries were dropped without a group and an owner")
		}
		n, err := w.s.DropEntries(w.ctx, store.EntryQuery{Space: "session", Group: "login-a", Limit: 1})
		w.must(err, "drop entries")
		want(w, "dropped", n, 2)
		n, err = w.s.DropEntries(w.ctx, store.EntryQuery{Space: "other", Owner: "prn_b"})
		w.must(err, "drop entries of another space")
		want(w, "dropped of another space", n, 0)
		n, err = w.s.ExpireEntries(w.ctx, w.now, 10)
		w.must(err, "expire entries")
		want(w, "expired before their end", n, 0)
		w.sleep(time.Second)
		for i, expect := range []int{1, 1, 0} {
			n, err = w.s.ExpireEntries(w.ctx, w.now, 1)
			w.must(err, "expire entries")
			want(w, fmt.Sprintf("expired at call %d", i), n, expect)
		}
		w.crash()
		want(w, "what is left", w.keys(store.EntryQuery{}), "[b1]")
	}},
}
