package platform

import (
	"errors"
	"fmt"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestAChangeIsMadeAnewOnWhatARivalWrote(t *testing.T) {
	t.Parallel()
	r := &rival{}
	p := setup(t, func(st store.Store) store.Store { r.Store = st; return r })
	pools := kind(resource.KindDispatchPool)
	if _, err := p.Create(t.Context(), System(), pools, []byte(`{"code":"a"}`)); err != nil {
		t.Fatal(err)
	}
	n := 0
	r.times, r.first = 5, func() {
		n++
		if _, err := p.Update(t.Context(), System(), pools, "a", "", []byte(fmt.Sprintf(`{"concurrency":%d}`, 10+n)), 0); err != nil {
			t.Error(err)
		}
	}
	got, err := p.Update(t.Context(), System(), pools, "a", "", []byte(`{"name":"Mine"}`), 0)
	if err != nil {
		t.Fatal(err)
	}
	if pool := got.Resource.(*resource.DispatchPool); pool.Name != "Mine" || pool.Concurrency != 15 || pool.Revision != 7 {
		t.Errorf("a rival's change is lost: %+v", pool)
	}

	// Whoever insists on a revision loses to a rival instead.
	r.times = 1
	if _, err := p.Update(t.Context(), System(), pools, "a", "", []byte(`{"name":"Theirs"}`), 7); codeOf(err) != CodePrecondition {
		t.Errorf("with If-Match: %v", err)
	}
	// A code that a rival took is taken.
	r.times, r.first = 1, func() {
		if _, err := p.Create(t.Context(), System(), pools, []byte(`{"code":"b"}`)); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Create(t.Context(), System(), pools, []byte(`{"code":"b"}`)); codeOf(err) != CodeExists {
		t.Errorf("create of a taken code: %v", err)
	}
	// A reference that a rival deleted is unknown.
	conns := kind(resource.KindConnection)
	if _, err := p.Create(t.Context(), System(), conns, []byte(`{"code":"c","url":"https://hooks.example.com"}`)); err != nil {
		t.Fatal(err)
	}
	r.times, r.first = 1, func() {
		if err := p.Delete(t.Context(), System(), conns, "c", "", 0); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Create(t.Context(), System(), kind(resource.KindSubscription), []byte(`{"code":"s","connectionCode":"c","eventTypes":[{"eventTypeCode":"a:b:c:d"}]}`)); codeOf(err) != CodeInvalid {
		t.Errorf("subscription to what is gone: %v", err)
	}
	// Endless rivals are given up on.
	r.times, r.first = 1000, func() {
		n++
		if _, err := p.Update(t.Context(), System(), pools, "a", "", []byte(fmt.Sprintf(`{"concurrency":%d}`, 10+n)), 0); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Update(t.Context(), System(), pools, "a", "", []byte(`{"name":"Never"}`), 0); codeOf(err) != CodeBusy {
		t.Errorf("against endless rivals: %v", err)
	}
}

func TestAPlanThatARivalMakesStaleChangesNothing(t *testing.T) {
	t.Parallel()
	r := &rival{}
	p := setup(t, func(st store.Store) store.Store { r.Store = st; return r })
	pools := kind(resource.KindDispatchPool)
	if _, err := p.Create(t.Context(), System(), pools, []byte(`{"code":"a"}`)); err != nil {
		t.Fatal(err)
	}
	r.times, r.first = 1, func() {
		if _, err := p.Update(t.Context(), System(), pools, "a", "", []byte(`{"concurrency":11}`), 0); err != nil {
			t.Error(err)
		}
	}
	_, err := p.Apply(t.Context(), System(), ApplyRequest{Manifest: "m", Changes: []ApplyChange{
		{Action: "create", Kind: "dispatch_pool", Code: "new", Resource: []byte(`{}`)},
		{Action: "update", Kind: "dispatch_pool", Code: "a", Revision: 1, Adopt: true, Resource: []byte(`{"concurrency":99}`)},
	}})
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != CodeStalePlan || len(refused.Conflicts) != 1 {
		t.Fatalf("apply: %v", err)
	}
	if _, err := p.Get(t.Context(), System(), pools, "new", ""); codeOf(err) != CodeNotFound {
		t.Errorf("half of a stale plan was done: %v", err)
	}
}

func TestNobodyIsLookedUpAcrossTheBorder(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	acme := Caller{PrincipalID: "a", Scope: store.Scope{Clients: []string{"acme"}}}
	globex := Caller{PrincipalID: "g", Scope: store.Scope{Clients: []string{"globex"}}}
	conns, subs := kind(resource.KindConnection), kind(resource.KindSubscription)
	con, err := p.Create(t.Context(), globex, conns, []byte(`{"code":"wh","url":"https://hooks.example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{`"connectionCode":"wh"`, `"connectionId":"` + con.Resource.Base().ID + `"`} {
		body := `{"code":"s",` + ref + `,"eventTypes":[{"eventTypeCode":"a:b:c:d"}]}`
		if _, err := p.Create(t.Context(), acme, subs, []byte(body)); codeOf(err) != CodeInvalid {
			t.Errorf("a subscription to another client's connection: %v", err)
		}
		if answers, err := p.CreateTasks(t.Context(), acme, []TaskDraft{DecodeTask([]byte(`{"code":"x","payload":"p",`+ref+`}`), "")}); err != nil || answers[0].Refused == nil {
			t.Errorf("a task to another client's connection: %+v %v", answers, err)
		}
	}
	if page, err := p.List(t.Context(), acme, resource.KindConnection, ListQuery{}); err != nil || page.Total != 0 {
		t.Errorf("list: %+v %v", page, err)
	}
	// Nobody at all sees nothing.
	if page, err := p.List(t.Context(), Caller{}, resource.KindDispatchPool, ListQuery{}); err != nil || page.Total != 0 {
		t.Errorf("list: %+v %v", page, err)
	}
}
