package bulk

import (
	"context"
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/replay"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// letterStep acts on the next dead letters of a task, and completes it at the
// end. Its cursor is the id of the last job that it looked at, so a letter
// that fails again meanwhile is not met twice. Letters of a replay or a
// subscription that is gone are not retried: they would be cancelled.
func (s *Service) letterStep(ctx context.Context, cat *catalog.Catalog, t *flow.LetterTask) (moved bool, err error) {
	p, err := s.o.Store.Progress(ctx, t.ID)
	if err != nil {
		return false, fmt.Errorf("read progress: %w", err)
	}
	page, err := s.o.Store.Letters(ctx, replay.Scope(t.ClientID), flow.ID(p.Cursor), letterQuery(t))
	if err != nil {
		return false, fmt.Errorf("list dead letters: %w", err)
	}
	step := store.Advance{Work: t.ID, From: p.Cursor, To: int64(page.Next), Examined: len(page.Jobs), Act: t.Act, Note: t.Note}
	for i := range page.Jobs {
		j := &page.Jobs[i].Job
		if _, gone := cat.LaneGone(j.Lane); gone && t.Act == flow.LettersRetry {
			continue
		}
		step.Letters = append(step.Letters, j.ID)
	}
	if page.Next == 0 {
		if len(page.Jobs) == 0 {
			return true, s.endTask(ctx, t.ID)
		}
		step.To = int64(page.Jobs[len(page.Jobs)-1].Job.ID)
	}
	after, err := s.o.Store.Advance(ctx, step, s.o.Now())
	if err != nil {
		return false, fmt.Errorf("act on dead letters: %w", err)
	}
	s.m.letters.Add(float64(after.Created - p.Created))
	return true, nil
}

func letterQuery(t *flow.LetterTask) store.JobQuery {
	var clients []string
	if t.LettersOf != "" {
		clients = []string{t.LettersOf}
	}
	q := store.JobQuery{
		Before: t.Below, Limit: stepJobs, Status: t.Status, SubscriptionID: t.SubscriptionID, Clients: clients,
		MessageGroup: t.MessageGroup, Reason: t.Reason, ReplayID: t.ReplayID, Since: t.Since, Until: t.Until,
	}
	if len(q.Status) == 0 {
		q.Status = []flow.Status{flow.Failed, flow.Expired}
	}
	return q
}
