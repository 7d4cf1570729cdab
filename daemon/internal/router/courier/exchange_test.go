package courier

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// The scheme "flowcatalyst" has room for one signature: it is the one that
// receivers have had longest, until its overlap ends.
func TestAnOverlapOfOneSignatureIsTheOldOnesTime(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	c := connection("con_1", "https://hooks.example.com", resource.Signing{
		Scheme: resource.SchemeFlowCatalyst, Secret: resource.NewSecret("c"),
		Previous: []resource.PreviousSecret{{Secret: resource.NewSecret("b"), Until: until.Add(time.Hour)}, {Secret: resource.NewSecret("a"), Until: until}},
	})
	cache := &New(Options{}).prepared
	for at, secret := range map[time.Time]string{until.Add(-time.Minute): "a", until: "b", until.Add(time.Hour): "c"} {
		want, err := webhook.NewSigner(webhook.FlowCatalyst, webhook.ISOMillis, secret)
		if err != nil {
			t.Fatal(err)
		}
		if got := cache.get(routeTo(c), at).signer.Sign("id", at, nil); got != want.Sign("id", at, nil) {
			t.Errorf("at %s the secret %s does not sign", at, secret)
		}
	}
}

func TestAnOverlapEndsWithoutAChangeOfTheConnection(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	c := connection("con_1", "https://hooks.example.com", resource.Signing{
		Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec),
		Previous: []resource.PreviousSecret{{Secret: resource.NewSecret(whsecOld), Until: until}},
	})
	cache := &New(Options{}).prepared
	rt := routeTo(c)
	signatures := func(now time.Time) int {
		p := cache.get(rt, now)
		return len(strings.Fields(p.signer.Sign("id", now, nil).Value))
	}
	if a, b := signatures(until.Add(-time.Millisecond)), signatures(until); a != 2 || b != 1 {
		t.Errorf("%d signatures before the end of the overlap, %d after; want 2 and 1", a, b)
	}
	if cache.get(rt, until) != cache.get(rt, until.Add(time.Hour)) {
		t.Error("the same route is prepared again and again")
	}
}

// A machine that slept has a monotonic clock that did not go on.
func TestWhatWasLeasedTooLongAgoIsNotSent(t *testing.T) {
	t.Parallel()
	for ago, sent := range map[time.Duration]bool{0: true, 11 * time.Second: true, 12*time.Second + time.Millisecond: false, time.Hour: false} {
		o, c := oneOrder("https://hooks.example.com", resource.Signing{})
		c.carrier = instant{}
		now := time.Now()
		c.Now = func() time.Time { return now }
		o.Job.LeaseUntil = now.Add(o.Job.Policy.Timeout + flow.LeaseSlack - ago)
		var w Desk
		if a := c.Exchange(context.Background(), o, &w); (a.Verdict == flow.Delivered) != sent {
			t.Errorf("leased %s ago: %s %s", ago, a.Verdict, a.Error)
		}
	}
}

func TestWhatWaitedTooLongForItsSlotIsNotSent(t *testing.T) {
	t.Parallel()
	for waited, sent := range map[time.Duration]bool{0: true, 11 * time.Second: true, 12*time.Second + time.Millisecond: false, time.Hour: false} {
		o, c := oneOrder("https://hooks.example.com", resource.Signing{})
		c.carrier = instant{}
		o.Started = time.Now().Add(-waited)
		var w Desk
		a := c.Exchange(context.Background(), o, &w)
		if (a.Verdict == flow.Delivered) != sent || !sent && (a.Verdict != flow.Lost || a.Status != 0) {
			t.Errorf("after %s: %s %s", waited, a.Verdict, a.Error)
		}
	}
	for timeout, want := range map[time.Duration]time.Duration{0: 12 * time.Second, time.Second: time.Second, 15 * time.Minute: 15 * time.Minute} {
		if got, ok := deadline(&flow.Job{Policy: flow.Policy{Timeout: timeout}}, 0); got != want || !ok {
			t.Errorf("timeout %s: deadline %s, %v", timeout, got, ok)
		}
	}
}
