package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// maxNote bounds what a person says of a discard, in bytes.
const maxNote = 1024

// LetterReasons are the reasons that dead letters have.
var LetterReasons = []flow.Reason{
	flow.ReasonExhausted, flow.ReasonConfiguration, flow.ReasonGone, flow.ReasonMaxAge, flow.ReasonExpiresAt, flow.ReasonRouterLost,
}

func reasonNames() string {
	names := make([]string, len(LetterReasons))
	for i, r := range LetterReasons {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// LetterDetail is a dead letter with all that is kept of it.
type LetterDetail struct {
	JobDetail
	Attempts []flow.Attempt
}

// Letter returns one dead letter with its payload and attempts.
func (p *Platform) Letter(ctx context.Context, c Caller, id string) (LetterDetail, error) {
	var d LetterDetail
	var err error
	if d.JobDetail, err = p.Job(ctx, c, id); err != nil {
		return d, err
	}
	if !d.Job.Status.DeadLetter() {
		return d, refuse(CodeNotFound, "the dispatch job is %s, and no dead letter", d.Job.Status)
	}
	d.Attempts, err = p.Attempts(ctx, c, id)
	return d, err
}

// Discard gives a dead letter up. Body is {note}: why. Asking twice is no
// error.
func (p *Platform) Discard(ctx context.Context, c Caller, id string, body []byte) (flow.Job, error) {
	var in struct {
		Note string `json:"note"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return flow.Job{}, Malformed(err)
	}
	if err := checkNote(in.Note); err != nil {
		return flow.Job{}, err
	}
	n, err := jobID(id)
	if err != nil {
		return flow.Job{}, err
	}
	j, err := p.st.Discard(ctx, c.Scope, n, in.Note, p.now())
	if err != nil {
		return j, missing(err, "dispatch job")
	}
	if j.Reason != flow.ReasonDiscarded {
		return j, refuse(CodeConflict, "the dispatch job is %s, and no dead letter: there is nothing to discard", j.Status)
	}
	return j, nil
}

func checkNote(note string) error {
	if note == "" {
		return invalidField("note", "is required: say why it is given up", `"the receiver was told by telephone"`)
	}
	if problem := checkText(note, maxNote); problem != "" {
		return invalidField("note", problem, "")
	}
	return nil
}

// LetterRequest selects dead letters for a task.
type LetterRequest struct {
	All            bool       `json:"all,omitempty" doc:"Every dead letter there is; needed where nothing selects"`
	Status         []string   `json:"status,omitempty" doc:"FAILED or EXPIRED; absent, both"`
	SubscriptionID string     `json:"subscriptionId,omitempty" doc:"Its id or code"`
	ClientID       string     `json:"clientId,omitempty"`
	Reason         string     `json:"reason,omitempty" doc:"The code: RETRIES_EXHAUSTED, …"`
	MessageGroup   string     `json:"messageGroup,omitempty"`
	ReplayID       string     `json:"replayId,omitempty"`
	Since          *time.Time `json:"since,omitempty" doc:"Jobs made at this time or later"`
	Until          *time.Time `json:"until,omitempty" doc:"Jobs made before this time"`
	Note           string     `json:"note,omitempty" doc:"Of a discard, where it is required: why"`
}

// LetterTaskDetail is a task and how far it is.
type LetterTaskDetail struct {
	flow.LetterTask
	Progress store.Progress
}

// CreateLetterTask starts to retry or discard the dead letters that fit, as
// they are now. Idempotency is as of CreateReplay, but a key that was used for
// another act or filter is refused.
func (p *Platform) CreateLetterTask(ctx context.Context, c Caller, act flow.LetterAct, body []byte, idempotencyKey string) (LetterTaskDetail, error) {
	q := new(LetterRequest)
	if err := unmarshalWork(body, q); err != nil {
		return LetterTaskDetail{}, err
	}
	if problem := checkText(idempotencyKey, maxText); problem != "" {
		return LetterTaskDetail{}, invalidField("Idempotency-Key", problem, "")
	}
	t, err := p.letterTask(ctx, c, act, q)
	if err != nil {
		return LetterTaskDetail{}, err
	}
	t.IdempotencyKey = idempotencyKey
	t, _, err = startWork(ctx, p, c, letterTasks, t, func(old *flow.LetterTask) error {
		if !sameLetters(old, t) {
			return refuse(CodeConflict, "the Idempotency-Key was used for a dead-letter task with another act or filter; choose another key")
		}
		return nil
	})
	if err != nil {
		return LetterTaskDetail{}, err
	}
	return p.withLetters(ctx, t)
}

// sameLetters says that two tasks do the same to the same dead letters.
func sameLetters(a, b *flow.LetterTask) bool {
	return a.Act == b.Act && a.SubscriptionID == b.SubscriptionID && a.LettersOf == b.LettersOf && slices.Equal(a.Status, b.Status) &&
		a.Reason == b.Reason && a.MessageGroup == b.MessageGroup && a.ReplayID == b.ReplayID && a.Since.Equal(b.Since) && a.Until.Equal(b.Until)
}

// letterTask checks a request and makes the task.
func (p *Platform) letterTask(ctx context.Context, c Caller, act flow.LetterAct, q *LetterRequest) (*flow.LetterTask, error) {
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return nil, err
	}
	client, refused := c.reach(cat, q.ClientID)
	if refused != nil {
		return nil, refused
	}
	narrow := len(q.Status) > 0 || q.SubscriptionID != "" || q.ClientID != "" || q.Reason != "" || q.MessageGroup != "" || q.ReplayID != "" || q.Since != nil || q.Until != nil
	if !narrow && !q.All {
		return nil, invalidField("all", "must be true where no filter is given, so that nobody acts on every dead letter by mistake", `{"all": true}`)
	}
	if act == flow.LettersDiscard {
		if err := checkNote(q.Note); err != nil {
			return nil, err
		}
	} else if q.Note != "" {
		return nil, invalidField("note", "is for a discard; a retry gives nothing up", "")
	}
	now := p.now()
	t := &flow.LetterTask{
		ID: p.ids.New(now), CreatedBy: c.PrincipalID, CreatedAt: now, Act: act, Note: q.Note, LettersOf: client,
		Reason: flow.Reason(q.Reason), MessageGroup: q.MessageGroup, Since: moment(q.Since), Until: moment(q.Until), State: flow.WorkRunning,
	}
	t.Below = t.ID // those that were there
	if !c.Scope.All {
		t.ClientID = client
	}
	for _, name := range q.Status {
		status, known := flow.ParseStatus(name)
		if !known || !status.DeadLetter() {
			return nil, invalidField("status", "must be FAILED or EXPIRED", "FAILED")
		}
		t.Status = append(t.Status, status)
	}
	if q.ReplayID != "" {
		if t.ReplayID, err = flow.ParseReplayID(q.ReplayID); err != nil {
			return nil, invalidField("replayId", "is not the id of a replay", "rpl_…")
		}
	}
	if q.Reason != "" && !slices.Contains(LetterReasons, t.Reason) {
		return nil, invalidField("reason", "must be one of "+reasonNames(), string(flow.ReasonExhausted))
	}
	if q.SubscriptionID != "" {
		if t.SubscriptionID, err = p.SubscriptionID(ctx, c, q.SubscriptionID); err != nil {
			return nil, err
		}
		// Dead letters outlive their subscription, whose id names them then; a
		// code that nothing has is a mistake.
		if info, _ := resource.InfoOf(resource.KindSubscription); !strings.HasPrefix(t.SubscriptionID, info.Prefix+"_") {
			return nil, invalidField("subscriptionId", "names no subscription", "its code, or the id of one that was deleted")
		}
	}
	return t, nil
}

func (p *Platform) withLetters(ctx context.Context, t *flow.LetterTask) (LetterTaskDetail, error) {
	progress, err := p.st.Progress(ctx, t.ID)
	if err != nil {
		return LetterTaskDetail{}, fmt.Errorf("read progress: %w", err)
	}
	return LetterTaskDetail{*t, progress}, nil
}

// LetterTask returns one task.
func (p *Platform) LetterTask(ctx context.Context, c Caller, id string) (LetterTaskDetail, error) {
	n, err := flow.ParseID(id)
	if err != nil {
		return LetterTaskDetail{}, noSuchWork(letterTasks.workKind)
	}
	t, err := findWork(ctx, p, c, letterTasks, n)
	if err != nil {
		return LetterTaskDetail{}, err
	}
	return p.withLetters(ctx, t)
}

// LetterTasks lists tasks, newest first. Next is 0 when there are no more.
func (p *Platform) LetterTasks(ctx context.Context, c Caller, q WorkQuery) (page []LetterTaskDetail, next flow.ID, err error) {
	found, next, err := listWork(ctx, p, c, letterTasks, q, func(*flow.LetterTask) bool { return true })
	if err != nil {
		return nil, 0, err
	}
	page, err = details(ctx, found, p.withLetters)
	return page, next, err
}

// CancelLetterTask stops a task. What it did stays done.
func (p *Platform) CancelLetterTask(ctx context.Context, c Caller, id string) (LetterTaskDetail, error) {
	t, err := cancelWork(ctx, p, c, letterTasks, id, func(t *flow.LetterTask) { t.State, t.EndedAt = flow.WorkCancelled, p.now() })
	if err != nil {
		return LetterTaskDetail{}, err
	}
	return p.withLetters(ctx, t)
}
