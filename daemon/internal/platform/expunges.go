package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/replay"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// ExpungeRequest selects what is erased: of a subject, of a message group or of
// a client, and of these what the others narrow it to.
type ExpungeRequest struct {
	ClientID     string     `json:"clientId,omitempty" doc:"Its id or identifier"`
	Subject      string     `json:"subject,omitempty" doc:"The subject of events and jobs, as it is"`
	MessageGroup string     `json:"messageGroup,omitempty"`
	Type         string     `json:"type,omitempty" doc:"A pattern of four segments"`
	Source       string     `json:"source,omitempty"`
	Before       *time.Time `json:"before,omitempty" doc:"Only what was accepted before this time"`
	CancelOpen   bool       `json:"cancelOpen,omitempty" doc:"Cancel the open jobs of what is selected, and discard the dead letters that block an order key; else these are kept, and counted"`
	DryRun       bool       `json:"dryRun,omitempty" doc:"Count, and erase nothing"`
	Reason       string     `json:"reason" doc:"Why: it is kept in the receipt and in the audit, and should name nobody"`
}

// ExpungeDetail is an expunge and how far it is. Once it has ended it is the
// receipt.
type ExpungeDetail struct {
	flow.Expunge
	Progress store.Progress
}

// ExpungePreview is what an expunge would erase.
type ExpungePreview struct {
	Events, Tasks int
	Open          int // of these, those that open work would keep
	Examined      int
	Partial       bool // it stopped before the end
}

// DecodeExpunge reads a request.
func DecodeExpunge(body []byte) (*ExpungeRequest, error) {
	q := new(ExpungeRequest)
	return q, unmarshalWork(body, q)
}

// CreateExpunge starts to erase what fits and is there. Idempotency is as of
// CreateLetterTask.
func (p *Platform) CreateExpunge(ctx context.Context, c Caller, q *ExpungeRequest, idempotencyKey string) (ExpungeDetail, error) {
	if problem := checkText(idempotencyKey, maxText); problem != "" {
		return ExpungeDetail{}, invalidField("Idempotency-Key", problem, "")
	}
	x, err := p.expunge(ctx, c, q)
	if err != nil {
		return ExpungeDetail{}, err
	}
	x.IdempotencyKey = idempotencyKey
	x, _, err = startWork(ctx, p, c, expunges, x, func(old *flow.Expunge) error {
		if !sameExpunge(old, x) {
			return refuse(CodeConflict, "the Idempotency-Key was used for an expunge with another filter; choose another key")
		}
		return nil
	})
	if err != nil {
		return ExpungeDetail{}, err
	}
	return p.withErased(ctx, x)
}

// sameExpunge says that a request asks for what an expunge does or did.
func sameExpunge(old, asked *flow.Expunge) bool {
	was, is := old.Anonymous(), *asked
	is.ID = old.ID // a print is of an expunge
	is = is.Anonymous()
	return was.SubjectPrint == is.SubjectPrint && was.GroupPrint == is.GroupPrint && was.DataOf == is.DataOf && was.Type == is.Type &&
		was.Source == is.Source && was.Before.Equal(is.Before) && was.CancelOpen == is.CancelOpen
}

// anonymous is the body of an expunge as the audit shows it.
func anonymous(body []byte) ([]byte, error) {
	var x flow.Expunge
	if err := json.Unmarshal(body, &x); err != nil {
		return nil, fmt.Errorf("read expunge: %w", err)
	}
	return json.Marshal(x.Anonymous())
}

// expunge checks a request and makes the work.
func (p *Platform) expunge(ctx context.Context, c Caller, q *ExpungeRequest) (*flow.Expunge, error) {
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return nil, err
	}
	client, refused := c.reach(cat, q.ClientID)
	if refused != nil {
		return nil, refused
	}
	if q.Subject == "" && q.MessageGroup == "" && q.ClientID == "" {
		return nil, invalidField("subject", "or messageGroup or clientId is required: say whose data goes", "customer-42")
	}
	for _, text := range []struct{ field, value string }{{"subject", q.Subject}, {"messageGroup", q.MessageGroup}, {"source", q.Source}} {
		if problem := checkText(text.value, maxText); problem != "" {
			return nil, invalidField(text.field, problem, "")
		}
	}
	if q.Type != "" {
		if problem := resource.CheckPattern(q.Type); problem != "" {
			return nil, invalidField("type", problem, "orders:*:*:*")
		}
	}
	if q.Reason == "" && !q.DryRun {
		return nil, invalidField("reason", "is required: say why, without naming the person", `"request 2026-17"`)
	}
	if problem := checkText(q.Reason, maxNote); problem != "" {
		return nil, invalidField("reason", problem, "")
	}
	stats, err := p.st.Stats(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the last position: %w", err)
	}
	now := p.now()
	x := &flow.Expunge{
		ID: p.ids.New(now), CreatedBy: c.PrincipalID, CreatedAt: now, Reason: q.Reason, To: stats.LastPosition, DataOf: client,
		Subject: q.Subject, MessageGroup: q.MessageGroup, Source: q.Source, Type: q.Type, Before: moment(q.Before),
		CancelOpen: q.CancelOpen, Status: flow.WorkRunning,
	}
	if !c.Scope.All {
		x.ClientID = client
	}
	return x, nil
}

// PreviewExpunge counts what an expunge would erase, with bounded work.
func (p *Platform) PreviewExpunge(ctx context.Context, c Caller, q *ExpungeRequest) (ExpungePreview, error) {
	var out ExpungePreview
	x, err := p.expunge(ctx, c, q)
	if err != nil {
		return out, err
	}
	late := time.Now().Add(previewTime)
	for after := int64(0); ; {
		page, err := p.st.Erasable(ctx, replay.Scope(x.ClientID), store.QueryOf(x, after, previewStep))
		if err != nil {
			return out, err
		}
		for _, f := range page.Found {
			if f.Task {
				out.Tasks++
			} else {
				out.Events++
			}
			if f.Open {
				out.Open++
			}
		}
		out.Examined += page.Examined
		if page.Done {
			return out, nil
		}
		if out.Examined >= previewRows || page.Next <= after || time.Now().After(late) {
			out.Partial = true
			return out, nil
		}
		after = page.Next
	}
}

func (p *Platform) withErased(ctx context.Context, x *flow.Expunge) (ExpungeDetail, error) {
	progress, err := p.st.Progress(ctx, x.ID)
	if err != nil {
		return ExpungeDetail{}, fmt.Errorf("read progress: %w", err)
	}
	return ExpungeDetail{*x, progress}, nil
}

// Expunge returns one expunge.
func (p *Platform) Expunge(ctx context.Context, c Caller, id string) (ExpungeDetail, error) {
	n, err := flow.ParseID(id)
	if err != nil {
		return ExpungeDetail{}, noSuchWork(expunges.workKind)
	}
	x, err := findWork(ctx, p, c, expunges, n)
	if err != nil {
		return ExpungeDetail{}, err
	}
	return p.withErased(ctx, x)
}

// Expunges lists expunges, newest first; with a subject those that were about
// it. Next is 0 when there are no more.
func (p *Platform) Expunges(ctx context.Context, c Caller, q WorkQuery, subject string) (page []ExpungeDetail, next flow.ID, err error) {
	found, next, err := listWork(ctx, p, c, expunges, q, func(x *flow.Expunge) bool {
		return subject == "" || subject == x.Subject || x.Print(subject) == x.SubjectPrint
	})
	if err != nil {
		return nil, 0, err
	}
	page, err = details(ctx, found, p.withErased)
	return page, next, err
}

// CancelExpunge stops an expunge. What it erased is gone.
func (p *Platform) CancelExpunge(ctx context.Context, c Caller, id string) (ExpungeDetail, error) {
	x, err := cancelWork(ctx, p, c, expunges, id, func(x *flow.Expunge) {
		*x = x.Anonymous()
		x.Status, x.EndedAt = flow.WorkCancelled, p.now()
	})
	if err != nil {
		return ExpungeDetail{}, err
	}
	return p.withErased(ctx, x)
}
