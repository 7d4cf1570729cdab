package bulk

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

// maxTries bounds how often a document is written anew because somebody else
// wrote in between. The step is repeated after that.
const maxTries = 10

func (s *Service) endReplay(ctx context.Context, id flow.ID) error {
	return s.end(ctx, catalog.KindReplay, "Replay", func(body []byte, now time.Time) (ending, error) {
		var r flow.Replay
		if err := json.Unmarshal(body, &r); err != nil || r.ID != id || r.Status != flow.WorkRunning {
			return ending{}, err
		}
		r.Status, r.EndedAt = flow.WorkCompleted, now
		after, err := json.Marshal(&r)
		return ending{after, body, after}, err
	})
}

func (s *Service) endTask(ctx context.Context, id flow.ID) error {
	return s.end(ctx, catalog.KindLetterTask, "LetterTask", func(body []byte, now time.Time) (ending, error) {
		var t flow.LetterTask
		if err := json.Unmarshal(body, &t); err != nil || t.ID != id || t.State != flow.WorkRunning {
			return ending{}, err
		}
		t.State, t.EndedAt = flow.WorkCompleted, now
		after, err := json.Marshal(&t)
		return ending{after, body, after}, err
	})
}

// ending is the new body of a document that is complete, and what the audit says
// of it.
type ending struct{ body, before, after []byte }

// end completes a document: change returns its ending, which is empty for a
// document that is another one or does not run any more. Whoever pauses or cancels at
// the same moment comes before or after, never in between.
func (s *Service) end(ctx context.Context, kind, entity string, change func(body []byte, now time.Time) (ending, error)) error {
	for range maxTries {
		docs, version, err := s.o.Store.Documents(ctx, kind)
		if err != nil {
			return err
		}
		now := s.o.Now().UTC().Truncate(time.Millisecond)
		set := store.WriteSet{IfVersion: version}
		for _, d := range docs {
			after, err := change(d.Body, now)
			if err != nil {
				return fmt.Errorf("complete %s %s: %w", kind, d.ID, err)
			}
			if after.body == nil {
				continue
			}
			set.Audit = append(set.Audit, store.AuditEntry{
				EntityType: entity, EntityID: d.ID, Operation: "COMPLETE", Before: after.before, After: after.after,
				PrincipalID: "system", ClientID: d.ClientID, PerformedAt: now,
			})
			d.Body, d.Revision = after.body, d.Revision+1
			set.Put = append(set.Put, d)
		}
		if len(set.Put) == 0 {
			return nil
		}
		if _, err = s.o.Store.Write(ctx, set, now); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return store.ErrConflict
}

// receiptsKept is how many receipts of expunges are kept for each piece of other
// work: somebody may ask for one after years. The audit keeps them longer.
const receiptsKept = 10

// tidyUp removes what ended longest ago, beyond what is kept of each kind. The
// progress goes first: a document without it is tidied away by the next look,
// a row without its document by nobody.
func (s *Service) tidyUp(ctx context.Context, cat *catalog.Catalog) error {
	var replays, tasks, receipts []ended
	for id, r := range cat.Replays {
		if r.Status.Final() {
			replays = append(replays, ended{catalog.KindReplay, flow.ReplayID(id), r.ClientID, id, r.EndedAt})
		}
	}
	for id, t := range cat.LetterTasks {
		if t.State.Final() {
			tasks = append(tasks, ended{catalog.KindLetterTask, id.String(), t.ClientID, id, t.EndedAt})
		}
	}
	for id, x := range cat.Expunges {
		if x.Status.Final() {
			receipts = append(receipts, ended{catalog.KindExpunge, id.String(), x.ClientID, id, x.EndedAt})
		}
	}
	old := slices.Concat(beyond(replays, s.o.Keep), beyond(tasks, s.o.Keep), beyond(receipts, s.o.Keep*receiptsKept))
	var gone []flow.ID
	var keys []store.DocumentKey
	for _, o := range old {
		if o.kind == catalog.KindReplay {
			// A replay that was cancelled a moment ago may have jobs out, and
			// its lanes need it.
			p, err := s.o.Store.Progress(ctx, o.id)
			if err != nil {
				return fmt.Errorf("read progress: %w", err)
			}
			if p.Open() > 0 {
				continue
			}
		}
		gone, keys = append(gone, o.id), append(keys, store.DocumentKey{Kind: o.kind, ID: o.document})
	}
	if len(gone) == 0 {
		return nil
	}
	if err := s.o.Store.Forget(ctx, gone...); err != nil {
		return fmt.Errorf("forget old work: %w", err)
	}
	_, err := s.o.Store.Write(ctx, store.WriteSet{IfVersion: cat.Version, Delete: keys}, s.o.Now())
	if errors.Is(err, store.ErrConflict) {
		return nil // there is a newer version, and it is looked at next
	}
	return err
}

// ended is a piece of work that is over.
type ended struct {
	kind, document, owner string
	id                    flow.ID
	at                    time.Time
}

// beyond are those that ended before the newest keep of their owner: nobody's
// work pushes out somebody else's.
func beyond(all []ended, keep int) []ended {
	slices.SortFunc(all, func(a, b ended) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.id, a.id)) })
	var old []ended
	newer := map[string]int{}
	for _, e := range all {
		if newer[e.owner]++; newer[e.owner] > keep {
			old = append(old, e)
		}
	}
	return old
}
