package bulk

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/replay"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// expungeStep erases the next rows of an expunge, and completes it at the end.
// Its cursor is the id of the last event or task that it passed. Where it has
// to wait, for the fan-out or for an exchange that is under way, it does not
// move.
func (s *Service) expungeStep(ctx context.Context, x *flow.Expunge) (moved bool, err error) {
	p, err := s.o.Store.Progress(ctx, x.ID)
	if err != nil {
		return false, fmt.Errorf("read progress: %w", err)
	}
	page, err := s.o.Store.Erasable(ctx, replay.Scope(x.ClientID), store.QueryOf(x, p.Cursor, stepJobs))
	if err != nil {
		return false, err
	}
	if page.Next == p.Cursor {
		if page.Done {
			return true, s.endExpunge(ctx, x.ID, p.Erased)
		}
		return false, nil
	}
	step := store.Erase{Work: x.ID, From: p.Cursor, To: page.Next, Examined: page.Examined, CancelOpen: x.CancelOpen}
	for _, f := range page.Found {
		step.Rows = append(step.Rows, f.ID)
	}
	after, err := s.o.Store.Erase(ctx, step, s.o.Now())
	if err != nil {
		return false, err
	}
	s.m.erased.Add(float64(after.Erased.Events + after.Erased.Tasks - p.Erased.Events - p.Erased.Tasks))
	if page.Done && after.Cursor == page.Next {
		return true, s.endExpunge(ctx, x.ID, after.Erased)
	}
	return after.Cursor > p.Cursor, nil
}

// endExpunge writes the receipt, which names nobody, into the document and into
// the audit.
func (s *Service) endExpunge(ctx context.Context, id flow.ID, erased store.Erased) error {
	return s.end(ctx, catalog.KindExpunge, "Expunge", func(body []byte, now time.Time) (ending, error) {
		var x flow.Expunge
		if err := json.Unmarshal(body, &x); err != nil || x.ID != id || x.Status != flow.WorkRunning {
			return ending{}, err
		}
		x = x.Anonymous()
		before, err := json.Marshal(&x)
		if err != nil {
			return ending{}, err
		}
		x.Status, x.EndedAt = flow.WorkCompleted, now
		after, err := json.Marshal(&x)
		if err != nil {
			return ending{}, err
		}
		receipt, err := json.Marshal(struct {
			*flow.Expunge
			Erased store.Erased `json:"erased"`
		}{&x, erased})
		return ending{body: after, before: before, after: receipt}, err
	})
}
