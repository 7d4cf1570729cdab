package api

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/plan"
)

// sdk is the API over a real socket, behind the SDK.
func (w *world) sdk(token string) *client.Client {
	w.t.Helper()
	srv := httptest.NewServer(w.api)
	w.t.Cleanup(srv.Close)
	c, err := client.New(client.Options{URL: srv.URL, Token: token})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestTheSDKPublishesAndReads(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	c := w.sdk(w.of("acme"))
	p, err := c.Events.Publish(ctx, client.NewEvent{Type: "a:b:c:d", Source: "/x", Data: map[string]int{"n": 1}, DeduplicationID: "d1"})
	if err != nil || p.Duplicate || p.ClientID != "acme" {
		t.Fatalf("%+v %v", p, err)
	}
	if again, err := c.Events.Publish(ctx, client.NewEvent{Type: "a:b:c:d", DeduplicationID: "d1"}); err != nil || !again.Duplicate || again.ID != p.ID {
		t.Errorf("%+v %v", again, err)
	}
	rs, err := c.Events.PublishBatch(ctx, make([]client.NewEvent, 2))
	if err != nil || len(rs) != 2 || rs[0].Status != client.BatchBadRequest || rs[0].Error == "" {
		t.Errorf("%+v %v", rs, err)
	}
	if e, err := c.Events.Get(ctx, p.ID); err != nil || string(e.Data) != `{"n":1}` || e.Time.IsZero() {
		t.Errorf("%+v %v", e, err)
	}
	j, err := c.Jobs.Create(ctx, client.NewJob{Code: "a", TargetURL: "https://hooks.example.com", Payload: "x"})
	if err != nil || j.Status != client.JobPending {
		t.Fatalf("%+v %v", j, err)
	}
	if cancelled, err := c.Jobs.Cancel(ctx, j.ID); err != nil || cancelled.Outcome != client.CancelDone {
		t.Errorf("%+v %v", cancelled, err)
	}
	_, err = c.Events.Publish(ctx, client.NewEvent{Type: "a:b"})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != 400 || refused.Code != client.CodeInvalid || len(refused.Problems) != 1 || refused.RequestID == "" {
		t.Errorf("%+v", err)
	}
}

// What was applied must plan to nothing, or a manifest never comes to rest.
func TestAnAppliedManifestPlansToNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	c := w.sdk(w.admin())
	desired := func() plan.Desired {
		return plan.Desired{Manifest: "orders", ClientID: "acme", Items: []plan.Item{
			{Resource: &resource.EventType{Code: "orders:fulfillment:shipment:shipped", SpecVersions: []resource.SpecVersion{{Version: "1", Schema: []byte(`{"type": "object"}`)}}}},
			{Resource: &resource.DispatchPool{Code: "priority", Concurrency: 20, RateLimit: 30000}},
			{Resource: &resource.Connection{Code: "wh", URL: "https://hooks.example.com", MaxConcurrency: 8, Headers: map[string]string{"X-Team": "a"},
				Signing: resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret("whsec_c2VjcmV0LW9mLXRoZS13YXJlaG91c2U")}}},
			{Resource: &resource.Subscription{Code: "ship", ConnectionCode: "wh", DispatchPoolCode: "priority", Mode: resource.ModeBlockOnError, RetryJitter: .2,
				EventTypes: []resource.Binding{{EventTypeCode: "orders:fulfillment:shipment:*", Filter: "data.total > 100.0"}}, RetrySchedule: resource.DefaultRetrySchedule}},
		}}
	}
	make := func() *plan.Plan {
		t.Helper()
		var live []resource.Resource
		for _, info := range resource.Declared() {
			for r, err := range c.Resources(info.Kind).List(ctx, client.ResourceFilter{}) {
				if err != nil {
					t.Fatal(err)
				}
				live = append(live, r)
			}
		}
		return plan.Make(desired(), live)
	}
	apply := func(p *plan.Plan) error {
		req := client.ApplyRequest{Manifest: p.Manifest, ClientID: p.ClientID}
		for _, ch := range p.Changes {
			if ch.Action.Changes() {
				req.Changes = append(req.Changes, client.ApplyChange{Action: string(ch.Action), Kind: ch.Kind, Code: ch.Code, ID: ch.ID, Revision: ch.Revision, Resource: ch.Resource})
			}
		}
		_, err := c.Apply(ctx, req)
		return err
	}
	first := make()
	if n := first.Count(plan.Create); n != 4 {
		t.Fatalf("%d creates", n)
	}
	if err := apply(first); err != nil {
		t.Fatal(err)
	}
	if p := make(); !p.Empty() {
		t.Fatalf("not at rest: %+v", p.Changes)
	}
	if err := apply(first); client.StatusOf(err) != 409 {
		t.Errorf("the same plan again: %v", err)
	}
	if _, err := c.Resources(resource.KindConnection).Update(ctx, "wh", map[string]any{"maxConcurrency": 2}, 0); err != nil {
		t.Fatal(err)
	}
	p := make()
	if p.Count(plan.Update) != 1 || !p.Changes[2].Drift {
		t.Errorf("drift: %+v", p.Changes)
	}
	if err := apply(p); err != nil {
		t.Fatal(err)
	}
	if p := make(); !p.Empty() {
		t.Errorf("not at rest after drift: %+v", p.Changes)
	}
}
