package api

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestARequestWithAKeyIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	pool := `{"code":"bulk","name":"Bulk","clientId":"acme"}`
	first := w.do("POST", "/api/dispatch-pools", w.admin(), pool, "Idempotency-Key", `"k-1"`).is(201)
	if first.header.Get("Idempotency-Replayed") != "" {
		t.Error("the first answer says that it is a repeat")
	}
	again := w.do("POST", "/api/dispatch-pools", w.admin(), pool, "Idempotency-Key", "k-1").is(201)
	if !bytes.Equal(again.body, first.body) || again.header.Get("ETag") != first.header.Get("ETag") ||
		again.header.Get("Content-Type") != first.header.Get("Content-Type") || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("repeat: %v %s", again.header, again.body)
	}
	if first.header.Get("ETag") == "" || again.header.Get("X-Request-Id") == first.header.Get("X-Request-Id") {
		t.Errorf("headers: %v", again.header)
	}
	w.do("POST", "/api/dispatch-pools", w.admin(), strings.Replace(pool, "Bulk", "Other", 1), "Idempotency-Key", "k-1").problem(409, "IDEMPOTENCY_KEY_REUSED", "another request")
	w.do("POST", "/api/connections", w.admin(), pool, "Idempotency-Key", "k-1").problem(409, "IDEMPOTENCY_KEY_REUSED")
	// Another principal's key is another key, and another key another request.
	w.do("POST", "/api/dispatch-pools", w.of("acme"), pool, "Idempotency-Key", "k-1").problem(409, "ALREADY_EXISTS")
	w.do("POST", "/api/dispatch-pools", w.admin(), pool, "Idempotency-Key", "k-2").problem(409, "ALREADY_EXISTS")
	// What was refused may be sent again once it is right.
	w.do("DELETE", "/api/dispatch-pools/bulk?clientId=acme", w.admin(), "").is(204)
	w.do("POST", "/api/dispatch-pools", w.admin(), pool, "Idempotency-Key", "k-2").is(201)

	one := w.do("POST", "/api/events", w.admin(), smallEvent, "Idempotency-Key", "e-1").is(201)
	two := w.do("POST", "/api/events", w.admin(), smallEvent, "Idempotency-Key", "e-1").is(201)
	if !bytes.Equal(one.body, two.body) {
		t.Error("the event was published twice")
	}
	w.do("POST", "/api/events", "", smallEvent, "Idempotency-Key", "e-1").problem(401, "UNAUTHENTICATED")
	for _, bad := range []string{"", `""`, "é", strings.Repeat("x", 256), "a\x01b"} {
		w.do("POST", "/api/events", w.admin(), smallEvent, "Idempotency-Key", bad).problem(400, "INVALID", "Idempotency-Key")
	}
	w.do("POST", "/api/events", w.admin(), smallEvent, "Idempotency-Key", gzipped(t, "x")).problem(400, "INVALID")
	if left := w.api.bodies.taken.Load(); left != 0 {
		t.Errorf("%d bytes of the budget are still taken", left)
	}
}

func TestAnAnswerIsRepeatedOnlyToWhoMayStillAsk(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.do("POST", "/api/principals/users", w.admin(), `{"email":"bo@acme.example.com","clientId":"acme","password":"several unlikely words","roles":["platform:messaging-admin"]}`).is(201).id()
	token, _ := w.do("POST", "/auth/login", "", `{"email":"bo@acme.example.com","password":"several unlikely words"}`).is(200).get("accessToken").(string)
	make := func() *answer {
		return w.do("POST", "/api/dispatch-pools", token, `{"code":"bulk","clientId":"acme"}`, "Idempotency-Key", "k")
	}
	make().is(201)
	if a := make().is(201); a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("a repeat: %v", a.header)
	}
	w.do("PUT", "/api/principals/"+id+"/roles", w.admin(), `{"roles":["platform:viewer"]}`).is(200)
	make().problem(403, "FORBIDDEN", "platform:messaging:dispatch-pool:create")
	w.do("PUT", "/api/principals/"+id+"/roles", w.admin(), `{"roles":["platform:messaging-admin"]}`).is(200)
	if a := make().is(201); a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("with the role again: %v", a.header)
	}
}

func TestTheFingerprintsOfTwoEqualRequestsDiffer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	prints := map[string]bool{}
	for _, key := range []string{"k-1", "k-2"} {
		w.do("POST", "/api/events", w.admin(), smallEvent, "Idempotency-Key", key).is(201)
		all, err := w.inner.ListEntries(t.Context(), store.EntryQuery{Space: "idempotency", Owner: "prn_ADMIN", Limit: 10}, time.Now())
		if err != nil || len(all) != len(prints)+1 {
			t.Fatal(len(all), err)
		}
		for _, e := range all {
			var k kept
			if err := json.Unmarshal(e.Body, &k); err != nil {
				t.Fatal(err)
			}
			prints[k.Fingerprint] = true
		}
	}
	if len(prints) != 2 {
		t.Errorf("%d fingerprints of two requests", len(prints))
	}
}

func TestAnotherTenantsEmailIsNotToldOf(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/principals/users", w.admin(), `{"email":"bo@acme.example.com","clientId":"acme"}`).is(201)
	exists := func(token string) any {
		return w.do("GET", "/api/principals/check-email-domain?domain=bo@acme.example.com", token, "").is(200).get("emailExists")
	}
	if exists(w.admin()) != true || exists(w.of("acme")) != true || exists(w.of("globex")) != false {
		t.Error(exists(w.admin()), exists(w.of("acme")), exists(w.of("globex")))
	}
}

// gate lets a test hold an event back in the store.
type gate struct {
	store.Store
	entered, open chan struct{}
}

func (g gate) Append(ctx context.Context, events []flow.Event, now time.Time) ([]store.Appended, error) {
	g.entered <- struct{}{}
	<-g.open
	return g.Store.Append(ctx, events, now)
}

func TestTheSameKeyAtTheSameTime(t *testing.T) {
	t.Parallel()
	g := gate{entered: make(chan struct{}, 1), open: make(chan struct{})}
	w := setupWith(t, func(st store.Store) store.Store { g.Store = st; return g })
	token := w.admin()
	done := make(chan *answer, 1)
	go func() { done <- w.do("POST", "/api/events", token, smallEvent, "Idempotency-Key", "k") }()
	<-g.entered
	if p := w.do("POST", "/api/events", token, smallEvent, "Idempotency-Key", "k").problem(409, "CONFLICT", "under way"); p.RetryAfter != 1 {
		t.Errorf("retry after %d", p.RetryAfter)
	}
	close(g.open)
	first := (<-done).is(201)
	if again := w.do("POST", "/api/events", token, smallEvent, "Idempotency-Key", "k").is(201); !bytes.Equal(first.body, again.body) {
		t.Error("another event was published")
	}
}

// What a crash left under way is free after a while.
func TestAKeyIsNotStuckForEver(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/events", w.admin(), smallEvent, "Idempotency-Key", "k").is(201)
	ctx := context.Background()
	list, err := w.st.ListEntries(ctx, store.EntryQuery{Space: "idempotency", Owner: "prn_ADMIN"}, time.Now())
	if err != nil || len(list) != 1 {
		t.Fatalf("%d entries: %v", len(list), err)
	}
	e := list[0]
	e.Body = bytes.Replace(e.Body, []byte(`"status":201`), []byte(`"status":0`), 1)
	e.ExpiresAt = time.Now().Add(50 * time.Millisecond)
	if err := w.st.SwapEntries(ctx, []store.Entry{e}, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		a := w.do("POST", "/api/events", w.admin(), smallEvent, "Idempotency-Key", "k")
		if a.status == 201 && a.header.Get("Idempotency-Replayed") == "" {
			return
		}
		a.problem(409, "CONFLICT")
		if time.Now().After(deadline) {
			t.Fatal("the key is stuck")
		}
	}
}

func TestAnswersWithSecretsAreNotKept(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := `{"code":"shop","name":"Shop","clientId":"acme"}`
	w.do("POST", "/api/service-accounts", w.admin(), account, "Idempotency-Key", "k").is(201)
	w.do("POST", "/api/service-accounts", w.admin(), account, "Idempotency-Key", "k").problem(409, "IDEMPOTENCY_ANSWER_WITHHELD", "done already")
}
