package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func document(kind, id string, revision int64) store.Document {
	return store.Document{Kind: kind, ID: id, ClientID: "clt_A", Code: "code-" + id, Revision: revision,
		Body: []byte(fmt.Sprintf(`{"id":%q,"revision":%d}`, id, revision))}
}

var auditIDs flow.IDs

func entry(w *world, id, operation, client string) store.AuditEntry {
	return store.AuditEntry{ID: auditIDs.New(w.now), EntityType: "subscription", EntityID: id, Operation: operation,
		Before: []byte(`{"a":1}`), After: []byte(`{"a":2}`), PrincipalID: "prn_1", ClientID: client, RequestID: "req", PerformedAt: w.now}
}

func (w *world) write(ws store.WriteSet) int64 {
	w.Helper()
	v, err := w.s.Write(w.ctx, ws, w.now)
	w.must(err, "write")
	return v
}

func (w *world) version() int64 {
	w.Helper()
	v, err := w.s.Version(w.ctx)
	w.must(err, "version")
	return v
}

func (w *world) documents(kinds ...string) map[string]store.Document {
	w.Helper()
	ds, version, err := w.s.Documents(w.ctx, kinds...)
	w.must(err, "documents")
	want(w, "the version of the documents", version, w.version())
	m := map[string]store.Document{}
	for _, d := range ds {
		m[d.Kind+" "+d.ID] = d
	}
	want(w, "documents that are there twice", len(ds)-len(m), 0)
	return m
}

func (w *world) audit(sc store.Scope, before flow.ID, limit int) []store.AuditEntry {
	w.Helper()
	page, err := w.s.Audit(w.ctx, sc, store.AuditQuery{Before: before, Limit: limit})
	w.must(err, "audit")
	return page.Entries
}

var resourceCases = []testCase{
	{name: "keep documents and delete them", run: func(w *world) {
		v := w.version()
		want(w, "documents at first", len(w.documents()), 0)
		v2 := w.write(store.WriteSet{IfVersion: v, Put: []store.Document{document("pool", "1", 1), document("subscription", "1", 1), document("subscription", "2", 1)}})
		if v2 <= v {
			w.fail("the version went from %d to %d", v, v2)
		}
		for range 2 {
			want(w, "version", w.version(), v2)
			ds := w.documents()
			want(w, "documents", len(ds), 3)
			d := ds["subscription 2"]
			want(w, "the document", fmt.Sprint(d.Kind, d.ID, d.ClientID, d.Code, d.Revision, string(d.Body)),
				fmt.Sprint("subscription", "2", "clt_A", "code-2", int64(1), `{"id":"2","revision":1}`))
			want(w, "subscriptions", len(w.documents("subscription")), 2)
			want(w, "subscriptions and pools", len(w.documents("subscription", "pool")), 3)
			want(w, "documents of a kind without any", len(w.documents("connection")), 0)
			w.crash()
		}
		v3 := w.write(store.WriteSet{IfVersion: v2, Put: []store.Document{document("subscription", "1", 2)},
			Delete: []store.DocumentKey{{Kind: "subscription", ID: "2"}, {Kind: "pool", ID: "1"}}})
		if v3 <= v2 {
			w.fail("the version went from %d to %d", v2, v3)
		}
		w.crash()
		ds := w.documents()
		want(w, "documents", len(ds), 1)
		want(w, "revision", ds["subscription 1"].Revision, 2)
		want(w, "body", string(ds["subscription 1"].Body), `{"id":"1","revision":2}`)
	}},
	{name: "are written at the version that was read, or not at all", run: func(w *world) {
		v := w.write(store.WriteSet{IfVersion: w.version(), Put: []store.Document{document("pool", "1", 1)}})
		for _, wrong := range []int64{v - 1, v + 1, 0, -1} {
			_, err := w.s.Write(w.ctx, store.WriteSet{IfVersion: wrong, Put: []store.Document{document("pool", "1", 2), document("pool", "2", 1)},
				Delete: []store.DocumentKey{{Kind: "pool", ID: "1"}}, Audit: []store.AuditEntry{entry(w, "1", "UPDATE", "clt_A")}}, w.now)
			w.wantErr(fmt.Sprintf("write at version %d instead of %d", wrong, v), err, store.ErrConflict)
		}
		want(w, "version", w.version(), v)
		ds := w.documents()
		want(w, "documents", len(ds), 1)
		want(w, "revision", ds["pool 1"].Revision, 1)
		want(w, "audit entries", len(w.audit(store.Everything, 0, 10)), 0)
	}},
	{name: "have one winner per version among many writers", run: func(w *world) {
		const writers, writes = 6, 5
		var wg sync.WaitGroup
		failures := make(chan error, writers)
		for g := range writers {
			wg.Go(func() {
				for n := range writes {
					for lost := 0; ; lost++ {
						v, err := w.s.Version(w.ctx)
						if err == nil {
							_, err = w.s.Write(w.ctx, store.WriteSet{IfVersion: v, Put: []store.Document{document("pool", fmt.Sprintf("%d/%d", g, n), 1)}}, epoch)
						}
						if err == nil {
							break
						}
						// Whoever loses, another has won, and there are only
						// so many to win.
						if !errors.Is(err, store.ErrConflict) || lost > writers*writes {
							failures <- fmt.Errorf("lost %d times: %w", lost, err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		close(failures)
		for err := range failures {
			w.fail("write: %v", err)
		}
		want(w, "documents", len(w.documents()), writers*writes)
	}},
	{name: "are audited in the same commit, newest first", run: func(w *world) {
		v := w.version()
		for i := range 5 {
			client := []string{"clt_A", "clt_B", ""}[i%3]
			v = w.write(store.WriteSet{IfVersion: v, Put: []store.Document{document("subscription", fmt.Sprint(i), 1)},
				Audit: []store.AuditEntry{entry(w, fmt.Sprint(i), "CREATE", client)}})
			w.sleep(time.Second)
		}
		w.crash()
		want(w, "documents", len(w.documents()), 5)
		var got []string
		for before := flow.ID(0); ; {
			as := w.audit(store.Everything, before, 2)
			if len(as) == 0 {
				break
			}
			w.onward(int64(before), int64(as[len(as)-1].ID))
			for _, a := range as {
				got = append(got, a.EntityID)
				before = a.ID
			}
			if len(as) > 2 || len(got) > 10 {
				w.fail("the pages of the audit are wrong: %v", got)
			}
		}
		want(w, "the entries", fmt.Sprint(got), "[4 3 2 1 0]")
		a := w.audit(store.Everything, 0, 1)[0]
		want(w, "the entry", fmt.Sprint(a.EntityType, a.Operation, a.PrincipalID, a.ClientID, a.RequestID, string(a.Before), string(a.After)),
			fmt.Sprint("subscription", "CREATE", "prn_1", "clt_B", "req", `{"a":1}`, `{"a":2}`))
		w.wantTime("performedAt", a.PerformedAt, epoch.Add(4*time.Second))
		want(w, "entries of a client", len(w.audit(store.Scope{Clients: []string{"clt_A"}}, 0, 10)), 2)
		want(w, "entries of nobody", len(w.audit(store.Scope{}, 0, 10)), 0)
		for _, c := range []struct {
			q    store.AuditQuery
			want string
		}{
			{store.AuditQuery{EntityID: "3"}, "[3]"},
			{store.AuditQuery{EntityID: "3", Operations: []string{"DELETE"}}, "[]"},
			{store.AuditQuery{EntityTypes: []string{"pool", "subscription"}, Operations: []string{"CREATE"}, PrincipalID: "prn_1"}, "[4 3 2 1 0]"},
			{store.AuditQuery{EntityTypes: []string{"pool"}}, "[]"},
			{store.AuditQuery{PrincipalID: "prn_2"}, "[]"},
			{store.AuditQuery{Clients: []string{"clt_B", ""}}, "[4 2 1]"},
			{store.AuditQuery{Since: epoch.Add(time.Second), Until: epoch.Add(3 * time.Second)}, "[2 1]"},
		} {
			ids := []string{}
			for c.q.Limit = 1; ; {
				page, err := w.s.Audit(w.ctx, store.Everything, c.q)
				w.must(err, "audit")
				for _, a := range page.Entries {
					ids = append(ids, a.EntityID)
				}
				if page.Next == 0 {
					break
				}
				w.onward(int64(c.q.Before), int64(page.Next))
				c.q.Before = page.Next
			}
			want(w, fmt.Sprintf("the entries of %+v", c.q), fmt.Sprint(ids), c.want)
		}
	}},
	{name: "are seen by whoever appends after the write returned", run: func(w *world) {
		// Fan-out asks for the version after it has read a batch: what it
		// reads then must not be older than any write before the append.
		for i := range 20 {
			v := w.write(store.WriteSet{IfVersion: w.version(), Put: []store.Document{document("subscription", fmt.Sprint(i), 1)}})
			w.append(w.newEvent())
			want(w, "events", len(w.unfanned(1000).Events), i+1)
			if got := w.version(); got < v {
				w.fail("the version after the append is %d, older than %d", got, v)
			}
			want(w, "documents", len(w.documents()), i+1)
		}
	}},
}

var leaseCases = []testCase{
	{name: "have one owner at a time", run: func(w *world) {
		t1, err := w.s.Acquire(w.ctx, "leader", "a", w.now.Add(30*time.Second), w.now)
		w.must(err, "acquire")
		w.sleep(10 * time.Second)
		_, err = w.s.Acquire(w.ctx, "leader", "b", w.now.Add(30*time.Second), w.now)
		w.wantErr("acquire a lease of another", err, store.ErrConflict)
		again, err := w.s.Acquire(w.ctx, "leader", "a", w.now.Add(30*time.Second), w.now)
		w.must(err, "renew")
		want(w, "the token of a renewal", again, t1)
		w.sleep(25 * time.Second) // past the first end, not past the renewed one
		_, err = w.s.Acquire(w.ctx, "leader", "b", w.now.Add(30*time.Second), w.now)
		w.wantErr("acquire a renewed lease of another", err, store.ErrConflict)
		w.sleep(10 * time.Second)
		t2, err := w.s.Acquire(w.ctx, "leader", "b", w.now.Add(30*time.Second), w.now)
		w.must(err, "acquire an ended lease")
		_, err = w.s.Acquire(w.ctx, "leader", "a", w.now.Add(30*time.Second), w.now)
		w.wantErr("acquire it back", err, store.ErrConflict)
		if t2 <= t1 {
			w.fail("the token went from %d to %d with a change of owner", t1, t2)
		}
		w.sleep(time.Minute)
		w.crash()
		t3, err := w.s.Acquire(w.ctx, "leader", "a", w.now.Add(30*time.Second), w.now)
		w.must(err, "acquire")
		if t3 <= t2 {
			w.fail("the token went from %d to %d with a change of owner and a crash", t2, t3)
		}
	}},
	{name: "are dropped by their owner alone", run: func(w *world) {
		until := w.now.Add(time.Hour)
		t1, err := w.s.Acquire(w.ctx, "x", "a", until, w.now)
		w.must(err, "acquire")
		_, err = w.s.Acquire(w.ctx, "y", "b", until, w.now)
		w.must(err, "acquire another")
		// Whether a stranger's drop is an error is the backend's affair.
		_ = w.s.Drop(w.ctx, "x", "b")
		_, err = w.s.Acquire(w.ctx, "x", "b", until, w.now)
		w.wantErr("acquire after a stranger's drop", err, store.ErrConflict)
		w.must(w.s.Drop(w.ctx, "x", "a"), "drop")
		t2, err := w.s.Acquire(w.ctx, "x", "b", until, w.now)
		w.must(err, "acquire a dropped lease")
		if t2 <= t1 {
			w.fail("the token went from %d to %d with a change of owner", t1, t2)
		}
		_ = w.s.Drop(w.ctx, "x", "a")
		_, err = w.s.Acquire(w.ctx, "x", "a", until, w.now)
		w.wantErr("acquire after a late drop", err, store.ErrConflict)
	}},
	{name: "have one winner among many", run: func(w *world) {
		var wg sync.WaitGroup
		results := make(chan error, 8)
		for i := range 8 {
			wg.Go(func() {
				_, err := w.s.Acquire(w.ctx, "x", fmt.Sprint(i), epoch.Add(time.Minute), epoch)
				results <- err
			})
		}
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
			} else if !errors.Is(err, store.ErrConflict) {
				w.fail("acquire: %v", err)
			}
		}
		want(w, "winners", won, 1)
	}},
}
