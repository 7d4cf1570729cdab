package platform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// missing turns the store's answer into a refusal that names the noun.
func missing(err error, noun string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return refuse(CodeNotFound, "there is no %s with this id", noun)
	}
	return fmt.Errorf("read %s: %w", noun, err)
}

func jobID(id string) (flow.ID, error) {
	n, err := flow.ParseID(id)
	if err != nil {
		return 0, refuse(CodeNotFound, "there is no dispatch job with this id")
	}
	return n, nil
}

// JobDetail is a job with what surrounds it now.
type JobDetail struct {
	store.JobView
	Payload      string    // of its task, or of its event; "" when it is gone
	BlockedSince time.Time // zero: it does not block its order key
}

// Job returns one job.
func (p *Platform) Job(ctx context.Context, c Caller, id string) (JobDetail, error) {
	var d JobDetail
	n, err := jobID(id)
	if err != nil {
		return d, err
	}
	if d.JobView, err = p.st.Job(ctx, c.Scope, n); err != nil {
		return d, missing(err, "dispatch job")
	}
	switch {
	case d.Job.Task != nil:
		d.Payload = d.Job.Task.Payload
	case d.Event != nil:
		e, err := p.st.Event(ctx, store.Everything, d.Event.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return d, fmt.Errorf("read event of job: %w", err)
		}
		d.Payload = string(e.Data)
	}
	blocking, err := p.Blocking(ctx, c, []store.JobView{d.JobView})
	if err != nil {
		return d, err
	}
	d.BlockedSince = blocking[d.Job.ID]
	return d, nil
}

// Blocking says which of the jobs are dead letters that their order keys wait
// for, and since when. It reads one gate per key that a dead letter may block.
func (p *Platform) Blocking(ctx context.Context, c Caller, jobs []store.JobView) (map[flow.ID]time.Time, error) {
	blocking, gates := map[flow.ID]time.Time{}, map[flow.OrderKey]store.Gate{}
	for i := range jobs {
		j := &jobs[i].Job
		if j.Mode != flow.BlockOnError || !j.Ordered() || !j.Status.DeadLetter() {
			continue
		}
		gate, read := gates[j.OrderKey]
		if !read {
			var err error
			if gate, err = p.st.Gate(ctx, c.Scope, j.OrderKey); err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, fmt.Errorf("read gate of job: %w", err)
			}
			gates[j.OrderKey] = gate
		}
		if gate.Holder == j.ID && !gate.BlockedSince.IsZero() {
			blocking[j.ID] = gate.BlockedSince
		}
	}
	return blocking, nil
}

// Attempts returns the kept attempts of a job.
func (p *Platform) Attempts(ctx context.Context, c Caller, id string) ([]flow.Attempt, error) {
	n, err := jobID(id)
	if err != nil {
		return nil, err
	}
	as, err := p.st.Attempts(ctx, c.Scope, n)
	return as, missing(err, "dispatch job")
}

// Retry makes a dead letter PENDING again. Asking twice is no error. One of a
// replay that is gone stays as it is: nothing sends it, and it would be lost.
func (p *Platform) Retry(ctx context.Context, c Caller, id string) (flow.Job, error) {
	n, err := jobID(id)
	if err != nil {
		return flow.Job{}, err
	}
	return p.retry(ctx, c, n)
}

func (p *Platform) retry(ctx context.Context, c Caller, id flow.ID) (flow.Job, error) {
	v, err := p.st.Job(ctx, c.Scope, id)
	if err != nil {
		return flow.Job{}, missing(err, "dispatch job")
	}
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return flow.Job{}, err
	}
	if j := &v.Job; j.Status.DeadLetter() {
		switch why, gone := cat.LaneGone(j.Lane); {
		case gone && why == flow.ReasonReplay:
			return flow.Job{}, refuse(CodeConflict, "the replay of the dispatch job was cancelled or is not kept any more, so that it can not be retried; replay its event, or discard it")
		case gone:
			return flow.Job{}, refuse(CodeConflict, "the subscription of the dispatch job was deleted, so that it can not be retried; replay its event to another subscription, or discard it")
		}
	}
	j, err := p.st.Retry(ctx, c.Scope, id, p.now())
	if errors.Is(err, store.ErrExpunged) {
		return flow.Job{}, refuse(CodeConflict, "what the dispatch job would send has been expunged, so that it can not be retried; discard it")
	}
	return j, missing(err, "dispatch job")
}

// CancelOutcome says what a cancel came to.
type CancelOutcome string

// The outcomes of a cancel.
const (
	CancelDone    CancelOutcome = "CANCELLED"     // at once
	CancelMarked  CancelOutcome = "MARKED"        // when the exchange that runs ends
	CancelTooLate CancelOutcome = "ALREADY_FINAL" // it had ended before
)

// Cancel ends a job, or marks it when an exchange runs.
func (p *Platform) Cancel(ctx context.Context, c Caller, id string) (flow.Job, CancelOutcome, error) {
	n, err := jobID(id)
	if err != nil {
		return flow.Job{}, "", err
	}
	before, err := p.st.Job(ctx, c.Scope, n)
	if err != nil {
		return flow.Job{}, "", missing(err, "dispatch job")
	}
	if before.Job.Status.Final() && !before.Job.Status.DeadLetter() {
		return before.Job, CancelTooLate, nil
	}
	j, err := p.st.Cancel(ctx, c.Scope, n, flow.ReasonCancelled, p.now())
	switch {
	case err != nil:
		return j, "", missing(err, "dispatch job")
	case j.Status == flow.Cancelled && !before.Job.Status.Final():
		return j, CancelDone, nil
	case j.CancelAsked:
		return j, CancelMarked, nil
	}
	return j, CancelTooLate, nil
}

// Skip ends a dead letter that blocks its order key and lets the next go.
func (p *Platform) Skip(ctx context.Context, c Caller, id string) (flow.Job, error) {
	n, err := jobID(id)
	if err != nil {
		return flow.Job{}, err
	}
	v, err := p.st.Job(ctx, c.Scope, n)
	if err != nil {
		return flow.Job{}, missing(err, "dispatch job")
	}
	notBlocking := refuse(CodeConflict, "the dispatch job does not block its order key: only a dead letter of BLOCK_ON_ERROR that others wait behind can be skipped")
	if !v.Job.Ordered() || !v.Job.Status.DeadLetter() {
		return flow.Job{}, notBlocking
	}
	err = p.st.Skip(ctx, c.Scope, v.Job.OrderKey, n, p.now())
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return flow.Job{}, notBlocking
	}
	if err != nil {
		return flow.Job{}, fmt.Errorf("skip job: %w", err)
	}
	if v, err = p.st.Job(ctx, c.Scope, n); err != nil {
		return flow.Job{}, missing(err, "dispatch job")
	}
	return v.Job, nil
}

// Routes resolves where jobs go as things stand now, for their answers. The
// catalog never changes under the caller.
func (p *Platform) Routes(ctx context.Context) (*catalog.Catalog, error) { return p.cache.Get(ctx) }

// SubscriptionID is the id of a subscription that a query names by id or
// code; a name that is neither finds nothing, as an id would.
func (p *Platform) SubscriptionID(ctx context.Context, c Caller, name string) (string, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return "", err
	}
	info, _ := resource.InfoOf(resource.KindSubscription)
	if r, err := w.lookup(c, info, name, ""); err == nil {
		return r.Base().ID, nil
	}
	return name, nil
}

// Health reports whether the platform can do its work now.
func (p *Platform) Health(ctx context.Context) error { return p.st.Health(ctx) }
