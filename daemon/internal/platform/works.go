package platform

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// workKind is a sort of work over many rows: replays, letter tasks, expunges. Their
// documents are written here when a person acts, and by package bulk when the
// work is done.
type workKind struct {
	kind, entity, noun string
}

// work is a sort of work by its Go type, and what all sorts have in common.
type work[T any] struct {
	workKind
	in    func(*catalog.Catalog) map[flow.ID]*T
	facts func(*T) workFacts
}

// workFacts are what all sorts of work have in common.
type workFacts struct {
	id        flow.ID
	key       string // its document's
	clientID  string // whose it is
	about     string // the client of what it works on
	status    flow.WorkStatus
	once      string // the Idempotency-Key
	createdBy string
}

var (
	replays = work[flow.Replay]{
		workKind{catalog.KindReplay, "Replay", "replay"},
		func(cat *catalog.Catalog) map[flow.ID]*flow.Replay { return cat.Replays },
		func(r *flow.Replay) workFacts {
			return workFacts{r.ID, flow.ReplayID(r.ID), r.ClientID, r.EventsOf, r.Status, r.IdempotencyKey, r.CreatedBy}
		},
	}
	letterTasks = work[flow.LetterTask]{
		workKind{catalog.KindLetterTask, "LetterTask", "dead-letter task"},
		func(cat *catalog.Catalog) map[flow.ID]*flow.LetterTask { return cat.LetterTasks },
		func(t *flow.LetterTask) workFacts {
			return workFacts{t.ID, t.ID.String(), t.ClientID, t.LettersOf, t.State, t.IdempotencyKey, t.CreatedBy}
		},
	}
	// Expunges are shown in the audit without what names a person.
	expunges = work[flow.Expunge]{
		workKind{catalog.KindExpunge, "Expunge", "expunge"},
		func(cat *catalog.Catalog) map[flow.ID]*flow.Expunge { return cat.Expunges },
		func(x *flow.Expunge) workFacts {
			return workFacts{x.ID, x.ID.String(), x.ClientID, x.DataOf, x.Status, x.IdempotencyKey, x.CreatedBy}
		},
	}
)

// startWork writes the document of new work, or returns what the same caller
// began with the same Idempotency-Key; same refuses that where it is other work.
func startWork[T any](ctx context.Context, p *Platform, c Caller, k work[T], w *T, same func(old *T) error) (began *T, duplicate bool, err error) {
	is := k.facts(w)
	err = p.writeWork(ctx, func() (store.WriteSet, error) {
		cat, err := p.cache.Get(ctx)
		if err != nil {
			return store.WriteSet{}, err
		}
		began, duplicate = w, false
		open := 0
		for _, old := range k.in(cat) {
			was := k.facts(old)
			if was.clientID == is.clientID && !was.status.Final() {
				open++
			}
			if is.once != "" && was.once == is.once && was.createdBy == c.PrincipalID && c.Scope.Sees(was.clientID) {
				began, duplicate = old, true
				return store.WriteSet{}, same(old)
			}
		}
		if open >= maxOpenWork {
			return store.WriteSet{}, refuse(CodeConflict, "there are %d %ss already that have not ended; wait for some of them, or cancel some", maxOpenWork, k.noun)
		}
		body, err := json.Marshal(w)
		if err != nil {
			return store.WriteSet{}, err
		}
		d := store.Document{Kind: k.kind, ID: is.key, Code: is.key, ClientID: is.clientID, Revision: 1, Body: body}
		entry, err := p.workAudit(c, k.workKind, d, "CREATE", nil, body)
		return store.WriteSet{IfVersion: cat.Version, Put: []store.Document{d}, Audit: []store.AuditEntry{entry}}, err
	})
	return began, duplicate, err
}

// findWork returns work that the caller may see.
func findWork[T any](ctx context.Context, p *Platform, c Caller, k work[T], id flow.ID) (*T, error) {
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return nil, err
	}
	w := k.in(cat)[id]
	if w == nil || !c.Scope.Sees(k.facts(w).clientID) {
		return nil, noSuchWork(k.workKind)
	}
	return w, nil
}

// WorkQuery filters replays, dead-letter tasks and expunges. Zero fields filter
// nothing.
type WorkQuery struct {
	Before   flow.ID // the cursor
	Limit    int
	Status   flow.WorkStatus
	ClientID string
}

// listWork lists the work that the caller may see and that fits, newest first.
// Next is 0 when there is no more.
func listWork[T any](ctx context.Context, p *Platform, c Caller, k work[T], q WorkQuery, fits func(*T) bool) (page []*T, next flow.ID, err error) {
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return nil, 0, err
	}
	client := clientID(cat, q.ClientID)
	for id, w := range k.in(cat) {
		is := k.facts(w)
		if c.Scope.Sees(is.clientID) && (q.Before == 0 || id < q.Before) && (q.Status == "" || q.Status == is.status) &&
			(client == "" || client == is.about) && fits(w) {
			page = append(page, w)
		}
	}
	slices.SortFunc(page, func(a, b *T) int { return cmp.Compare(k.facts(b).id, k.facts(a).id) })
	if limit := store.PageLimit(q.Limit); len(page) > limit {
		page = page[:limit]
		next = k.facts(page[limit-1]).id
	}
	return page, next, nil
}

// changeWork lays a change over work. Do says whether there is anything to change.
func changeWork[T any](ctx context.Context, p *Platform, c Caller, k work[T], id, operation string, do func(*T) (bool, error)) (*T, error) {
	var w *T
	err := p.writeWork(ctx, func() (store.WriteSet, error) {
		docs, version, err := p.st.Documents(ctx, k.kind)
		if err != nil {
			return store.WriteSet{}, err
		}
		i := slices.IndexFunc(docs, func(d store.Document) bool { return d.ID == id && c.Scope.Sees(d.ClientID) })
		if i < 0 {
			return store.WriteSet{}, noSuchWork(k.workKind)
		}
		d := docs[i]
		w = new(T)
		if err := json.Unmarshal(d.Body, w); err != nil {
			return store.WriteSet{}, fmt.Errorf("read %s %s: %w", k.noun, id, err)
		}
		if changes, err := do(w); err != nil || !changes {
			return store.WriteSet{}, err
		}
		body, err := json.Marshal(w)
		if err != nil {
			return store.WriteSet{}, err
		}
		entry, err := p.workAudit(c, k.workKind, d, operation, d.Body, body)
		d.Body, d.Revision = body, d.Revision+1
		return store.WriteSet{IfVersion: version, Put: []store.Document{d}, Audit: []store.AuditEntry{entry}}, err
	})
	return w, err
}

// cancelWork ends work; end sets what says so. To have been cancelled already is
// no error.
func cancelWork[T any](ctx context.Context, p *Platform, c Caller, k work[T], id string, end func(*T)) (*T, error) {
	return changeWork(ctx, p, c, k, id, "CANCEL", func(w *T) (bool, error) {
		switch status := k.facts(w).status; {
		case status == flow.WorkCancelled:
			return false, nil
		case status.Final():
			return false, hasEnded(k.workKind, status)
		}
		end(w)
		return true, nil
	})
}

func hasEnded(k workKind, status flow.WorkStatus) error {
	return refuse(CodeConflict, "the %s has ended: it is %s", k.noun, status)
}

// details are works with what their type has beside them.
func details[T, D any](ctx context.Context, works []*T, detail func(context.Context, *T) (D, error)) ([]D, error) {
	var ds []D
	for _, w := range works {
		d, err := detail(ctx, w)
		if err != nil {
			return nil, err
		}
		ds = append(ds, d)
	}
	return ds, nil
}

// maxOpenWork is how many replays, and how many dead-letter tasks, of one owner
// may be under way or paused at once: each takes its turn in every round.
const maxOpenWork = 100

func noSuchWork(k workKind) error {
	return refuse(CodeNotFound, "there is no %s with this id", k.noun)
}

// workAudit says what was done. Of an expunge it does not say about whom: the
// audit is kept for longer than what it erased.
func (p *Platform) workAudit(c Caller, k workKind, d store.Document, operation string, before, after []byte) (store.AuditEntry, error) {
	if k == expunges.workKind {
		for _, body := range []*[]byte{&before, &after} {
			if *body == nil {
				continue
			}
			shown, err := anonymous(*body)
			if err != nil {
				return store.AuditEntry{}, err
			}
			*body = shown
		}
	}
	now := p.now()
	return store.AuditEntry{
		ID: p.ids.New(now), EntityType: k.entity, EntityID: d.ID, Operation: operation, Before: before, After: after,
		PrincipalID: c.PrincipalID, ClientID: d.ClientID, RequestID: c.RequestID, PerformedAt: now,
	}, nil
}

// writeWork writes what make says, again and again while others write in
// between. An empty set is nothing to do.
func (p *Platform) writeWork(ctx context.Context, make func() (store.WriteSet, error)) error {
	for try := range maxTries {
		set, err := make()
		if err != nil || len(set.Put) == 0 {
			return err
		}
		_, err = p.st.Write(ctx, set, p.now())
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("write resources: %w", err)
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return refuse(CodeBusy, "too many changes at once; nothing was changed, try again")
}

// moment is a time of a request as it is kept.
func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
