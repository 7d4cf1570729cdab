package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/replay"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// ReplayDetail is a replay and how far it is.
type ReplayDetail struct {
	flow.Replay
	Progress store.Progress
}

// Percent is how much of what it looks through a replay has behind it.
func (d *ReplayDetail) Percent() float64 {
	begin, end := replay.Begin(&d.Replay), replay.End(&d.Replay)
	if d.Status == flow.WorkCompleted || end <= begin {
		return 100
	}
	return 100 * float64(max(d.Progress.Cursor-begin, 0)) / float64(end-begin)
}

// CreateReplay starts a replay. A request with an idempotency key that the
// same caller has used is answered with the replay of then, as a duplicate.
func (p *Platform) CreateReplay(ctx context.Context, c Caller, q *ReplayRequest, idempotencyKey string) (d ReplayDetail, duplicate bool, err error) {
	if problem := checkText(idempotencyKey, maxText); problem != "" {
		return d, false, invalidField("Idempotency-Key", problem, "")
	}
	r, err := p.replay(ctx, c, q)
	if err != nil {
		return d, false, err
	}
	r.ID, r.IdempotencyKey = p.ids.New(r.CreatedAt), idempotencyKey
	r, duplicate, err = startWork(ctx, p, c, replays, r, func(*flow.Replay) error { return nil })
	if err != nil {
		return d, false, err
	}
	d, err = p.withProgress(ctx, r)
	return d, duplicate, err
}

func (p *Platform) withProgress(ctx context.Context, r *flow.Replay) (ReplayDetail, error) {
	progress, err := p.st.Progress(ctx, r.ID)
	if err != nil {
		return ReplayDetail{}, fmt.Errorf("read progress: %w", err)
	}
	return ReplayDetail{*r, progress}, nil
}

// Replay returns one replay.
func (p *Platform) Replay(ctx context.Context, c Caller, id string) (ReplayDetail, error) {
	n, err := flow.ParseReplayID(id)
	if err != nil {
		return ReplayDetail{}, noSuchWork(replays.workKind)
	}
	r, err := findWork(ctx, p, c, replays, n)
	if err != nil {
		return ReplayDetail{}, err
	}
	return p.withProgress(ctx, r)
}

// Replays lists replays, newest first. Next is 0 when there are no more.
func (p *Platform) Replays(ctx context.Context, c Caller, q WorkQuery) (page []ReplayDetail, next flow.ID, err error) {
	found, next, err := listWork(ctx, p, c, replays, q, func(*flow.Replay) bool { return true })
	if err != nil {
		return nil, 0, err
	}
	page, err = details(ctx, found, p.withProgress)
	return page, next, err
}

// SetReplayStatus pauses, resumes or cancels a replay. Being in that state
// already is no error.
func (p *Platform) SetReplayStatus(ctx context.Context, c Caller, id string, status flow.WorkStatus) (ReplayDetail, error) {
	operation := map[flow.WorkStatus]string{flow.WorkPaused: "PAUSE", flow.WorkRunning: "RESUME", flow.WorkCancelled: "CANCEL"}[status]
	return p.changeReplay(ctx, c, id, operation, func(r *flow.Replay) (bool, error) {
		switch {
		case r.Status == status:
			return false, nil
		case r.Status.Final():
			return false, hasEnded(replays.workKind, r.Status)
		}
		if r.Status = status; status.Final() {
			r.EndedAt = p.now()
		}
		return true, nil
	})
}

// SetReplayRate changes how fast a replay goes. Body is {rate}.
func (p *Platform) SetReplayRate(ctx context.Context, c Caller, id string, body []byte) (ReplayDetail, error) {
	var in struct {
		Rate json.RawMessage `json:"rate"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return ReplayDetail{}, Malformed(err)
	}
	if len(in.Rate) == 0 {
		return ReplayDetail{}, invalidField("rate", "is required; nothing else of a replay can be changed", `"100/s"`)
	}
	rate, problem := replayRate(in.Rate)
	if problem != nil {
		return ReplayDetail{}, Invalid("the request has a field that can not be accepted", *problem)
	}
	return p.changeReplay(ctx, c, id, "UPDATE", func(r *flow.Replay) (bool, error) {
		if r.Status.Final() {
			return false, hasEnded(replays.workKind, r.Status)
		}
		changed := r.Rate != rate
		r.Rate = rate
		return changed, nil
	})
}

func (p *Platform) changeReplay(ctx context.Context, c Caller, id, operation string, do func(*flow.Replay) (bool, error)) (ReplayDetail, error) {
	r, err := changeWork(ctx, p, c, replays, id, operation, do)
	if err != nil {
		return ReplayDetail{}, err
	}
	return p.withProgress(ctx, r)
}

// The bounds of a dry run.
const (
	previewRows = 100_000
	previewTime = 10 * time.Second
	previewStep = 100
	previewHead = 10
)

// Preview is what a replay would send.
type Preview struct {
	Events   int // that fit
	Expunged int // of them, whose data is gone
	Jobs     int
	Examined int
	Targets  []PreviewTarget
	Sample   []flow.Event // the first that would go, without their data
	Partial  bool         // it stopped before the end
}

// PreviewTarget is how many jobs one subscription would get; with none, the
// replay's own target.
type PreviewTarget struct {
	Subscription *resource.Subscription
	Jobs         int
}

// PreviewReplay counts what a replay would send, with bounded work.
func (p *Platform) PreviewReplay(ctx context.Context, c Caller, q *ReplayRequest) (Preview, error) {
	var out Preview
	r, err := p.replay(ctx, c, q)
	if err != nil {
		return out, err
	}
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return out, err
	}
	targets, counts := replay.At(cat, r, nil), map[*resource.Subscription]int{}
	for _, id := range r.Subscriptions {
		if s := cat.Subscriptions[id]; s != nil && !r.Elsewhere() {
			counts[s] = 0 // it is asked for, so it is told even if it gets nothing
		}
	}
	if r.Elsewhere() {
		counts[nil] = 0
	}
	late := time.Now().Add(previewTime)
	for cursor, end := replay.Begin(r), replay.End(r); cursor < end; {
		page, err := replay.Next(ctx, p.st, r, cursor, previewStep)
		if err != nil {
			return out, err
		}
		for i := range page.Items {
			out.count(r, targets, counts, &page.Items[i])
		}
		out.Examined += page.Examined
		if page.Done {
			break
		}
		if out.Examined >= previewRows || page.Next <= cursor || time.Now().After(late) {
			out.Partial = true
			break
		}
		cursor = page.Next
	}
	for s, n := range counts {
		out.Targets = append(out.Targets, PreviewTarget{s, n})
	}
	slices.SortFunc(out.Targets, func(a, b PreviewTarget) int {
		if a.Subscription == nil || b.Subscription == nil {
			return 0
		}
		return compare(a.Subscription, b.Subscription)
	})
	return out, nil
}

func (v *Preview) count(r *flow.Replay, targets *replay.Targets, counts map[*resource.Subscription]int, it *replay.Item) {
	v.Events++
	if it.Expunged() {
		v.Expunged++
		return
	}
	jobs := 0
	if r.Elsewhere() {
		counts[nil]++
		jobs++
	}
	for _, s := range targets.Of(r, it) {
		counts[s]++
		jobs++
	}
	if v.Jobs += jobs; jobs > 0 && len(v.Sample) < previewHead {
		e := it.Event
		e.Data = nil
		v.Sample = append(v.Sample, e)
	}
}
