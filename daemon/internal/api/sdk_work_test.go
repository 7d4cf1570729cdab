package api

import (
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

func TestTheSDKReplaysRetriesAndFrees(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.ordered(4)
	ctx := t.Context()
	c := w.sdk(w.of("acme"))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	rate := 50.0
	n := client.NewReplay{Since: time.Now().Add(-time.Hour), Type: "orders:*:*:*", Subscriptions: []string{"ship"}, Rate: &rate}
	p, err := c.Replays.Preview(ctx, n)
	must(err)
	if p.Events != 4 || p.Jobs != 4 || p.PerSubscription[0].Code != "ship" || len(p.Sample) != 4 || p.Sample[0].Time.IsZero() {
		t.Errorf("preview: %+v", p)
	}
	r, err := c.Replays.Create(ctx, n)
	must(err)
	if r.Status != client.WorkRunning || r.Rate != 50 || r.Over() || r.Subscriptions[0].Code != "ship" {
		t.Errorf("replay: %+v", r)
	}
	r, err = c.Replays.Pause(ctx, r.ID)
	must(err)
	if r.Status != client.WorkPaused {
		t.Errorf("paused: %+v", r)
	}
	must(c.Replays.SetRate(ctx, r.ID, 0))
	_, err = c.Replays.Resume(ctx, r.ID)
	must(err)
	r, err = c.Replays.Cancel(ctx, r.ID)
	must(err)
	if !r.Over() || r.Rate != 0 || r.EndedAt.IsZero() {
		t.Errorf("cancelled: %+v", r)
	}
	seen := 0
	for got, err := range c.Replays.List(ctx, client.WorkFilter{Status: client.WorkCancelled, PageSize: 1}) {
		must(err)
		if seen++; got.ID != r.ID {
			t.Errorf("listed: %+v", got)
		}
	}
	if got, err := c.Replays.Get(ctx, r.ID); err != nil || got.ID != r.ID || seen != 1 {
		t.Errorf("%d listed, got %+v, %v", seen, got, err)
	}
	if _, err := c.Replays.Create(ctx, client.NewReplay{}); client.StatusOf(err) != 400 {
		t.Errorf("a replay of nothing in particular: %v", err)
	}

	w.end(w.begin(ids[0]), flow.Reject)
	var group client.Group
	for g, err := range c.Groups.List(ctx, client.GroupFilter{SubscriptionID: "ship"}) {
		must(err)
		group = g
	}
	if group.Waiting != 3 || group.Head.ID != ids[0] || group.SubscriptionCode != "ship" || group.BlockedSince.IsZero() {
		t.Errorf("group: %+v", group)
	}
	if j, err := c.Groups.Retry(ctx, group.OrderKey); err != nil || j.ID != ids[0] || j.Status != client.JobPending {
		t.Errorf("retried: %+v, %v", j, err)
	}
	w.end(w.begin(ids[0]), flow.Reject)
	d, err := c.DeadLetters.Get(ctx, ids[0])
	must(err)
	if len(d.Attempts) != 2 || d.Reason != "CONFIGURATION" || d.Payload == "" {
		t.Errorf("dead letter: %+v", d)
	}
	if j, err := c.DeadLetters.Retry(ctx, ids[0]); err != nil || j.Status != client.JobPending {
		t.Errorf("retried: %+v, %v", j, err)
	}
	w.end(w.begin(ids[0]), flow.Reject)
	listed := 0
	for j, err := range c.DeadLetters.List(ctx, client.LetterFilter{Reason: "CONFIGURATION", Status: []string{client.JobFailed}, SubscriptionID: "ship"}) {
		must(err)
		if listed++; j.ID != ids[0] {
			t.Errorf("listed: %+v", j)
		}
	}
	if listed != 1 {
		t.Errorf("%d dead letters", listed)
	}
	if j, err := c.DeadLetters.Discard(ctx, ids[0], "told by telephone"); err != nil || j.Status != client.JobCancelled || j.Reason != "DISCARDED" {
		t.Errorf("discarded: %+v, %v", j, err)
	}
	w.end(w.begin(ids[1]), flow.Reject)
	if n, err := c.Groups.CancelWaiting(ctx, group.OrderKey); err != nil || n != 2 {
		t.Errorf("%d cancelled, %v", n, err)
	}
	if j, err := c.Groups.Skip(ctx, group.OrderKey); err != nil || j.Reason != "SKIPPED" {
		t.Errorf("skipped: %+v, %v", j, err)
	}

	task, err := c.DeadLetters.RetryAll(ctx, client.LetterFilter{All: true})
	must(err)
	if task, err = c.DeadLetters.CancelTask(ctx, task.ID); err != nil || !task.Over() || task.Act != "RETRY" {
		t.Errorf("task: %+v, %v", task, err)
	}
	if task, err = c.DeadLetters.DiscardAll(ctx, client.LetterFilter{SubscriptionID: "ship"}, "no use"); err != nil || task.Note != "no use" {
		t.Fatalf("task: %+v, %v", task, err)
	}
	if got, err := c.DeadLetters.Task(ctx, task.ID); err != nil || got.ID != task.ID || got.Over() {
		t.Errorf("task: %+v, %v", got, err)
	}
	tasks := 0
	for _, err := range c.DeadLetters.Tasks(ctx, client.WorkFilter{}) {
		must(err)
		tasks++
	}
	if tasks != 2 {
		t.Errorf("%d tasks", tasks)
	}
}
