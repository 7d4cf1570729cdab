package client

import (
	"testing"
	"time"
)

func TestCancelWaitingAsksUntilNoneIsLeft(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{Token: "t"}, answer{status: 200, body: `{"cancelled":500,"more":true}`}, answer{status: 200, body: `{"cancelled":3,"more":false}`})
	n, err := c.Groups.CancelWaiting(t.Context(), "0f2a")
	if err != nil || n != 503 {
		t.Errorf("%d cancelled, %v", n, err)
	}
	for _, r := range s.requests() {
		if r.method != "POST" || r.path != "/api/groups/0f2a/cancel-waiting" || r.body != "" || r.header.Get("Content-Type") != "" {
			t.Errorf("asked: %+v", r)
		}
	}
}

func TestReplaysAreAskedForInTheServersWords(t *testing.T) {
	t.Parallel()
	rate := 0.5
	s, c := serve(t, Options{Token: "t"}, answer{status: 200, body: `{"id":"rpl_1","status":"RUNNING","jobs":3}`})
	n := NewReplay{Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), FailedOnly: true, Subscriptions: []string{"orders"}, Rate: &rate}
	if _, err := c.Replays.Create(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if p, err := c.Replays.Preview(t.Context(), n); err != nil || p.Jobs != 3 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := c.DeadLetters.DiscardAll(t.Context(), LetterFilter{SubscriptionID: "orders", Reason: "GONE"}, "no use"); err != nil {
		t.Fatal(err)
	}
	got := s.requests()
	const selects = `{"since":"2026-01-02T03:04:05Z","failedOnly":true,"subscriptions":["orders"],"rate":0.5`
	for i, want := range []string{selects + `}`, selects + `,"dryRun":true}`, `{"subscriptionId":"orders","reason":"GONE","note":"no use"}`} {
		if got[i].body != want {
			t.Errorf("request %d is %s, want %s", i, got[i].body, want)
		}
		if got[i].header.Get("Idempotency-Key") == "" {
			t.Errorf("request %d can not be repeated", i)
		}
	}
}
