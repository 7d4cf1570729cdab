package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// workKind is a sort of work over many rows: replays, letter tasks, expunges. Their
// documents are written here when a person acts, and by package bulk when the
// work is done.
type workKind struct {
	kind, entity, noun string
}

var (
	replayKind = workKind{catalog.KindReplay, "Replay", "replay"}
	letterKind = workKind{catalog.KindLetterTask, "LetterTask", "dead-letter task"}
)

// create writes the document of new work. Do makes it, or returns nil because
// there is one already; it sees what is there at each try.
func (p *Platform) createWork(ctx context.Context, c Caller, k workKind, do func(*catalog.Catalog) (*store.Document, error)) error {
	return p.writeWork(ctx, func() (store.WriteSet, error) {
		cat, err := p.cache.Get(ctx)
		if err != nil {
			return store.WriteSet{}, err
		}
		d, err := do(cat)
		if err != nil || d == nil {
			return store.WriteSet{}, err
		}
		d.Kind, d.Code, d.Revision = k.kind, d.ID, 1
		entry, err := p.workAudit(c, k, *d, "CREATE", nil, d.Body)
		return store.WriteSet{IfVersion: cat.Version, Put: []store.Document{*d}, Audit: []store.AuditEntry{entry}}, err
	})
}

// changeWork lays a change over the document of work. Do returns the new
// body, or nil where there is nothing to change.
func (p *Platform) changeWork(ctx context.Context, c Caller, k workKind, id, operation string, do func(body []byte) (any, error)) error {
	return p.writeWork(ctx, func() (store.WriteSet, error) {
		docs, version, err := p.st.Documents(ctx, k.kind)
		if err != nil {
			return store.WriteSet{}, err
		}
		for _, d := range docs {
			if d.ID != id || !c.Scope.Sees(d.ClientID) {
				continue
			}
			after, err := do(d.Body)
			if err != nil || after == nil {
				return store.WriteSet{}, err
			}
			body, err := json.Marshal(after)
			if err != nil {
				return store.WriteSet{}, err
			}
			entry, err := p.workAudit(c, k, d, operation, d.Body, body)
			d.Body, d.Revision = body, d.Revision+1
			return store.WriteSet{IfVersion: version, Put: []store.Document{d}, Audit: []store.AuditEntry{entry}}, err
		}
		return store.WriteSet{}, noSuchWork(k)
	})
}

// maxOpenWork is how many replays, and how many dead-letter tasks, of one owner
// may be under way or paused at once: each takes its turn in every round.
const maxOpenWork = 100

func tooMuchWork(k workKind) error {
	return refuse(CodeConflict, "there are %d %ss already that have not ended; wait for some of them, or cancel some", maxOpenWork, k.noun)
}

func noSuchWork(k workKind) error {
	return refuse(CodeNotFound, "there is no %s with this id", k.noun)
}

// workAudit says what was done. Of an expunge it does not say about whom: the
// audit is kept for longer than what it erased.
func (p *Platform) workAudit(c Caller, k workKind, d store.Document, operation string, before, after []byte) (store.AuditEntry, error) {
	if k == expungeKind {
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
