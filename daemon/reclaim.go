package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// reclaim makes jobs PENDING whose message an embedded queue has lost. Its
// file is not synced at each commit, so a power cut takes the newest messages
// with it; the jobs in the store remember that they were handed over. Nobody
// publishes yet, so what is not in the queue now is nowhere.
func reclaim(ctx context.Context, st store.Jobs, q queue.Lister, log *slog.Logger) error {
	lost := map[store.Ticket]bool{}
	query := store.JobQuery{Status: []flow.Status{flow.Queued}, Limit: 1000}
	for {
		page, err := st.ListJobs(ctx, store.Everything, query)
		if err != nil {
			return fmt.Errorf("look for lost messages: %w", err)
		}
		for i := range page.Jobs {
			j := &page.Jobs[i].Job
			lost[store.Ticket{Job: j.ID, Number: j.Ticket}] = true
		}
		if page.Next == 0 {
			break
		}
		query.Before = page.Next
	}
	if len(lost) == 0 {
		return nil
	}
	err := q.IDs(ctx, func(id string) error {
		if job, ticket, ok := queue.ParseMessageID(id); ok {
			if jobID, err := flow.ParseID(job); err == nil {
				delete(lost, store.Ticket{Job: jobID, Number: ticket})
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for lost messages: %w", err)
	}
	if len(lost) == 0 {
		return nil
	}
	now := time.Now()
	parks := make([]store.Park, 0, len(lost))
	for t := range lost {
		parks = append(parks, store.Park{Job: t.Job, Ticket: t.Number, Until: now})
	}
	if err := st.Park(ctx, parks, now); err != nil {
		return fmt.Errorf("take back jobs whose messages are lost: %w", err)
	}
	log.Warn("took back jobs whose messages the queue had lost", "jobs", len(parks))
	return nil
}
