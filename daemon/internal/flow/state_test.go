package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// started is a job in its first exchange, begun at t0, with a minute between
// three tries.
func started(mutate ...func(*Job)) Job {
	j := Job{ID: 1, Mode: BlockOnError, OrderKey: OrderKey{1}, Status: Queued, Ticket: 1,
		Policy: Policy{MaxRetries: 3, Strategy: FixedDelay, Schedule: []time.Duration{time.Minute}, MaxAge: time.Hour, Timeout: 30 * time.Second}}
	for _, m := range mutate {
		m(&j)
	}
	return j.Started(1, "r1", t0.Add(45*time.Second), t0)
}

func attemptOf(j Job, v Verdict, delay time.Duration) Attempt {
	a := Attempt{JobID: j.ID, Number: j.Attempts, At: j.LastAttemptAt, Duration: time.Second, Verdict: v, Delay: delay}
	if v != Delivered {
		a.Error = "trouble"
	}
	return a
}

func TestAfter(t *testing.T) {
	t.Parallel()
	const never = time.Duration(-1)
	for _, c := range []struct {
		name    string
		job     func(*Job)
		verdict Verdict
		asked   time.Duration // delay that the receiver asked for
		status  Status
		reason  Reason
		due     time.Duration // from now; never when the job is final
		spent   int
		lost    int
	}{
		{"delivered", nil, Delivered, 0, Completed, "", never, 1, 0},
		{"retry", nil, Retry, 0, Pending, "", time.Minute, 1, 0},
		{"retry later than the schedule", nil, Retry, 5 * time.Minute, Pending, "", 5 * time.Minute, 1, 0},
		{"retry sooner than the schedule", nil, Retry, time.Second, Pending, "", time.Minute, 1, 0},
		{"last retry", func(j *Job) { j.Spent = 2 }, Retry, 0, Failed, ReasonExhausted, never, 3, 0},
		{"delivered with the last one", func(j *Job) { j.Spent = 2 }, Delivered, 0, Completed, "", never, 3, 0},
		{"deferred", nil, Deferred, 30 * time.Second, Pending, "", 30 * time.Second, 0, 0},
		{"deferred with nothing left to spend", func(j *Job) { j.Spent = 3 }, Deferred, time.Second, Pending, "", time.Second, 3, 0},
		{"throttled by schedule", nil, Throttled, 0, Pending, "", time.Minute, 0, 0},
		{"throttled until", nil, Throttled, 10 * time.Minute, Pending, "", 10 * time.Minute, 0, 0},
		{"throttled sooner than the schedule", nil, Throttled, time.Second, Pending, "", time.Second, 0, 0},
		{"throttled with one left", func(j *Job) { j.Spent = 2 }, Throttled, 0, Pending, "", time.Minute, 2, 0},
		{"rejected", nil, Reject, 0, Failed, ReasonConfiguration, never, 1, 0},
		{"gone", nil, Gone, 0, Failed, ReasonGone, never, 1, 0},
		{"lost", nil, Lost, 0, Pending, "", 0, 0, 1},
		{"lost with nothing left to spend", func(j *Job) { j.Spent = 2 }, Lost, 0, Pending, "", 0, 2, 1},
		{"lost nine times", func(j *Job) { j.Lost = 8 }, Lost, 0, Pending, "", 0, 0, 9},
		{"lost ten times", func(j *Job) { j.Lost = 9 }, Lost, 0, Failed, ReasonRouterLost, never, 0, 10},
		{"an answer ends the row of losses", func(j *Job) { j.Lost = 9 }, Retry, 0, Pending, "", time.Minute, 1, 0},
		{"next one too late", nil, Deferred, 2 * time.Hour, Expired, ReasonMaxAge, never, 0, 0},
		{"next one just in time", nil, Deferred, time.Hour - 2*time.Second, Pending, "", time.Hour - 2*time.Second, 0, 0},
		{"no age", func(j *Job) { j.Policy.MaxAge = 0 }, Deferred, 24 * time.Hour, Pending, "", 24 * time.Hour, 0, 0},
		{"exhausted rather than expired", func(j *Job) { j.Spent, j.Policy.MaxAge = 2, time.Second }, Retry, 0, Failed, ReasonExhausted, never, 3, 0},
		{"delivered though it was cancelled", func(j *Job) { j.CancelAsked = true }, Delivered, 0, Completed, "", never, 1, 0},
		{"cancelled and refused", func(j *Job) { j.CancelAsked = true }, Reject, 0, Cancelled, ReasonCancelled, never, 1, 0},
		{"cancelled and to be retried", func(j *Job) { j.CancelAsked = true }, Retry, 0, Cancelled, ReasonCancelled, never, 1, 0},
		{"cancelled and lost", func(j *Job) { j.CancelAsked = true }, Lost, 0, Cancelled, ReasonCancelled, never, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := started()
			if c.job != nil {
				j = started(c.job)
			}
			now := t0.Add(2 * time.Second)
			got := j.After(attemptOf(j, c.verdict, c.asked), now, 0.5)
			if got.Status != c.status || got.Reason != c.reason || got.Spent != c.spent || got.Lost != c.lost {
				t.Errorf("got %s %q spent %d lost %d, want %s %q spent %d lost %d",
					got.Status, got.Reason, got.Spent, got.Lost, c.status, c.reason, c.spent, c.lost)
			}
			if c.due != never && !got.Due.Equal(now.Add(c.due)) {
				t.Errorf("due %s from now, want %s", got.Due.Sub(now), c.due)
			}
			if final := c.due == never; final != got.Status.Final() || final != got.CompletedAt.Equal(now) {
				t.Errorf("completed at %s", got.CompletedAt)
			}
			if (got.LastError == "") != (c.verdict == Delivered) {
				t.Errorf("last error is %q", got.LastError)
			}
			if got.Duration != time.Second || !got.LastAttemptAt.Equal(t0) {
				t.Errorf("the exchange took %s and began %s", got.Duration, got.LastAttemptAt)
			}
			checkAfter(t, j, c.verdict, got, now)
		})
	}
}

// An attempt that was put off before it was sent is waiting, which expires
// nothing, and does not begin a job's age.
func TestWhatWasNeverSentExpiresNothing(t *testing.T) {
	t.Parallel()
	for first, want := range map[int]time.Time{1: {}, 2: t0} {
		j := started(func(j *Job) { j.Policy.MaxAge, j.Attempts, j.FirstAttemptAt = time.Second, first, t0 })
		a := attemptOf(j, Deferred, time.Minute)
		a.Unsent, a.Number = true, first
		got := j.After(a, t0.Add(2*time.Second), 0)
		if got.Status != Pending || got.Spent != 0 || !got.FirstAttemptAt.Equal(want) {
			t.Errorf("attempt %d: %s %q, first attempt at %s, want PENDING and %s", first, got.Status, got.Reason, got.FirstAttemptAt, want)
		}
	}
}

// checkAfter holds whatever the verdict was.
func checkAfter(t *testing.T, before Job, v Verdict, after Job, now time.Time) {
	t.Helper()
	if after.Attempts != before.Attempts || after.Ticket != before.Ticket {
		t.Errorf("numbering moved from attempt %d ticket %d to attempt %d ticket %d", before.Attempts, before.Ticket, after.Attempts, after.Ticket)
	}
	if after.LeaseOwner != "" || !after.LeaseUntil.IsZero() || after.Waiting || after.Status == Processing || after.Status == Queued {
		t.Errorf("the exchange goes on: %s %q until %s waiting %v", after.Status, after.LeaseOwner, after.LeaseUntil, after.Waiting)
	}
	if after.Spent < before.Spent || after.Spent > before.Spent+1 || v.Spends() != (after.Spent == before.Spent+1) {
		t.Errorf("%s took spent from %d to %d", v, before.Spent, after.Spent)
	}
	switch after.Status {
	case Pending:
		if after.Due.Before(now) {
			t.Errorf("due %s before now", now.Sub(after.Due))
		}
		if before.Spent < before.Policy.MaxRetries && after.Spent >= before.Policy.MaxRetries {
			t.Errorf("%d spent of %d and still pending", after.Spent, before.Policy.MaxRetries)
		}
		if after.Policy.MaxAge > 0 && after.Due.After(after.FirstAttemptAt.Add(after.Policy.MaxAge)) {
			t.Error("due after its age")
		}
		if after.Lost >= MaxLost || before.CancelAsked {
			t.Errorf("pending with %d lost, cancel asked %v", after.Lost, before.CancelAsked)
		}
	default:
		if !after.Status.Final() || after.CompletedAt != now || after.CancelAsked {
			t.Errorf("%s completed at %s, cancel asked %v", after.Status, after.CompletedAt, after.CancelAsked)
		}
		if after.Status.DeadLetter() && after.Reason == ReasonNone {
			t.Error("a dead letter without a reason")
		}
	}
	if v == Delivered && after.Status != Completed {
		t.Errorf("a delivery ended %s", after.Status)
	}
}

func FuzzAfter(f *testing.F) {
	f.Add(uint8(3), uint8(0), uint8(3), uint8(0), uint8(9), int64(30), int64(3600), int64(60), uint16(20), uint16(90), false, int64(2))
	f.Add(uint8(0), uint8(2), uint8(1), uint8(5), uint8(0), int64(0), int64(0), int64(1<<40), uint16(100), uint16(0), true, int64(0))
	f.Fuzz(func(t *testing.T, verdict, strategy, maxRetries, spent, lost uint8, delay, age, wait int64, jitterPercent, rollPercent uint16, cancel bool, took int64) {
		bound := func(n, limit int64) time.Duration { return time.Duration(max(n, -n, 0)%limit) * time.Second }
		v := Verdict(verdict % 7)
		jitter, roll := float64(jitterPercent%101)/100, float64(rollPercent%100)/100
		j := started(func(j *Job) {
			j.Policy = Policy{MaxRetries: int(maxRetries%100) + 1, Strategy: Strategy(strategy % 4), Jitter: jitter,
				Schedule: []time.Duration{bound(wait, 30*86400), bound(wait/3, 30*86400)}, MaxAge: bound(age, 365*86400)}
			j.Spent, j.Lost, j.CancelAsked = int(spent)%j.Policy.MaxRetries, int(lost)%MaxLost, cancel
		})
		now := t0.Add(bound(took, 3600))
		a := attemptOf(j, v, bound(delay, 86400))
		got := j.After(a, now, roll)
		checkAfter(t, j, v, got, now)
		if got.Status == Pending && (v == Retry || v == Deferred) && got.Due.Before(now.Add(a.Delay)) {
			t.Errorf("%s: due %s from now, and the receiver asked for %s", v, got.Due.Sub(now), a.Delay)
		}
		// What the store does when it learns of a cancel only then.
		if cancel {
			late := j
			late.CancelAsked = false
			settled := late.After(a, now, roll).Settled(true, now)
			if settled.Status != got.Status || settled.Reason != got.Reason || settled.Spent != got.Spent {
				t.Errorf("settled as %s %q, and %s %q if the router had known", settled.Status, settled.Reason, got.Status, got.Reason)
			}
		}
		// A final job stays as it is, whatever is asked of it, but for a
		// retry or a skip of a dead letter.
		if got.Status.Final() {
			if c := got.Cancelled(ReasonCancelled, now.Add(time.Hour)); fmt.Sprint(c) != fmt.Sprint(got) {
				t.Errorf("cancelling made %+v of %+v", c, got)
			}
			if _, late := got.Overdue(now.Add(1e6 * time.Hour)); late {
				t.Error("a final job is overdue")
			}
			if !got.Status.DeadLetter() {
				if r := got.Retried(now); fmt.Sprint(r) != fmt.Sprint(got) {
					t.Errorf("retrying made %+v of %+v", r, got)
				}
			}
		}
	})
}

// TestALifeEnds follows a job that never succeeds: it spends what it may and
// no more, and its numbering has no gap.
func TestALifeEnds(t *testing.T) {
	t.Parallel()
	for _, s := range []Strategy{Schedule, FixedDelay, ExponentialBackoff, NoDelay} {
		j := Job{Policy: Policy{MaxRetries: 7, Strategy: s, MaxAge: 365 * 24 * time.Hour}}
		now := t0
		for n := 1; ; n++ {
			j = j.Started(int64(n), "r", now.Add(time.Minute), now)
			if j.Attempts != n || !j.FirstAttemptAt.Equal(t0) {
				t.Fatalf("%s: attempt %d has number %d, the first was at %s", s, n, j.Attempts, j.FirstAttemptAt)
			}
			now = now.Add(time.Second)
			j = j.After(attemptOf(j, Retry, 0), now, 0)
			if j.Status.Final() {
				break
			}
			now = j.Due
		}
		if j.Attempts != 7 || j.Spent != 7 || j.Reason != ReasonExhausted {
			t.Errorf("%s: %d attempts, %d spent, %s", s, j.Attempts, j.Spent, j.Reason)
		}
		again := j.Retried(now)
		if again.Status != Pending || again.Attempts != 7 || again.Ticket != 7 || again.Spent != 0 || again.Lost != 0 ||
			!again.Due.Equal(now) || again.Reason != "" || !again.CompletedAt.IsZero() || !again.FirstAttemptAt.IsZero() {
			t.Errorf("%s: retried as %+v", s, again)
		}
	}
}

func TestCancelRetrySkipAndOverdue(t *testing.T) {
	t.Parallel()
	now := t0.Add(time.Hour)
	for s := Pending; s <= Expired; s++ {
		j := Job{Status: s, Mode: BlockOnError, ExpiresAt: now, Reason: "BEFORE", Ticket: 3, Attempts: 2, Spent: 2}
		c := j.Cancelled(ReasonSubscription, now)
		switch s {
		case Pending, Queued:
			if c.Status != Cancelled || c.Reason != ReasonSubscription || !c.CompletedAt.Equal(now) {
				t.Errorf("%s is cancelled as %+v", s, c)
			}
		case Processing:
			if c.Status != Processing || !c.CancelAsked {
				t.Errorf("%s is cancelled as %+v", s, c)
			}
		default:
			if c.Status != s || c.CancelAsked || c.Reason != "BEFORE" {
				t.Errorf("%s is cancelled as %+v", s, c)
			}
		}
		if r := j.Retried(now); (r.Status != s) != s.DeadLetter() {
			t.Errorf("%s is retried as %s", s, r.Status)
		}
		if k := j.Skipped(now); s.DeadLetter() != (k.Status == Cancelled && k.Reason == ReasonSkipped) {
			t.Errorf("%s is skipped as %s %s", s, k.Status, k.Reason)
		}
		for at, want := range map[time.Duration]bool{-time.Millisecond: false, 0: s == Pending || s == Queued, time.Hour: s == Pending || s == Queued} {
			o, late := j.Overdue(now.Add(at))
			if late != want || late != (o.Status == Expired && o.Reason == ReasonExpiresAt) {
				t.Errorf("%s is overdue %s after its time: %v, as %s", s, at, late, o.Status)
			}
		}
		if _, late := (Job{Status: s}).Overdue(now); late {
			t.Errorf("%s is overdue without a time", s)
		}
		for m := Immediate; m <= BlockOnError; m++ {
			j.Mode = m
			if want := s.Final() && (m != BlockOnError || s != Failed && s != Expired); j.Opens() != want {
				t.Errorf("%s in %s opens its key: %v", s, m, j.Opens())
			}
		}
	}
}

func TestLostAttempt(t *testing.T) {
	t.Parallel()
	j := started()
	a := j.LostAttempt(t0.Add(time.Minute))
	if a.JobID != j.ID || a.Number != 1 || a.Verdict != Lost || a.ErrorType != ErrorUnknown || a.Router != "r1" ||
		!a.At.Equal(t0) || a.Duration != time.Minute || !strings.Contains(a.Error, "router r1 was lost") {
		t.Errorf("the lost attempt is %+v", a)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for s := Pending; s <= Expired; s++ {
		if got, ok := ParseStatus(s.String()); !ok || got != s {
			t.Errorf("%s is read as %s", s, got)
		}
	}
	for m := Immediate; m <= BlockOnError; m++ {
		if got, ok := ParseMode(m.String()); !ok || got != m {
			t.Errorf("%s is read as %s", m, got)
		}
	}
	for s := Schedule; s <= NoDelay; s++ {
		if got, ok := ParseStrategy(s.String()); !ok || got != s {
			t.Errorf("%s is read as %s", s, got)
		}
	}
	for _, name := range []string{"", "pending", "UNKNOWN"} {
		_, a := ParseStatus(name)
		_, b := ParseMode(name)
		_, c := ParseStrategy(name)
		if a || b || c {
			t.Errorf("%q is taken for a name", name)
		}
	}
	if Status(99).String() != "UNKNOWN" || Mode(99).String() != "UNKNOWN" || Strategy(99).String() != "UNKNOWN" || Verdict(99).String() != "UNKNOWN" {
		t.Error("a value without a name has one")
	}
}

func TestOrderKey(t *testing.T) {
	t.Parallel()
	if k := NewOrderKey(Immediate, "l", "c", "g", 0); !k.IsZero() || k.String() != "" {
		t.Error("IMMEDIATE has an order key")
	}
	if k := NewOrderKey(BlockOnError, "l", "c", "", 0); !k.IsZero() {
		t.Error("an event without a group has an order key")
	}
	base := NewOrderKey(BlockOnError, "l", "c", "g", 0)
	if base != NewOrderKey(NextOnError, "l", "c", "g", 0) {
		t.Error("the two ordered modes have different keys")
	}
	seen := map[OrderKey]string{base: "base"}
	for name, k := range map[string]OrderKey{
		"lane": NewOrderKey(BlockOnError, "x", "c", "g", 0), "client": NewOrderKey(BlockOnError, "l", "x", "g", 0),
		"group": NewOrderKey(BlockOnError, "l", "c", "x", 0), "replay": NewOrderKey(BlockOnError, "l", "c", "g", 1),
		"shifted": NewOrderKey(BlockOnError, "lc", "", "g", 0), "shifted group": NewOrderKey(BlockOnError, "l", "", "cg", 0),
	} {
		if other, taken := seen[k]; taken {
			t.Errorf("another %s has the key of another %s", name, other)
		}
		seen[k] = name
		if back, ok := ParseOrderKey(k.String()); !ok || back != k {
			t.Errorf("%s is read as %s", k, back)
		}
	}
	for _, bad := range []string{"", "00", strings.Repeat("0", 31), strings.Repeat("0", 33), strings.Repeat("g", 32)} {
		if _, ok := ParseOrderKey(bad); ok {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}

func TestDedupKey(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]Event{
		"-/d":             {DeduplicationID: "d"},
		"clt_A/d":         {DeduplicationID: "d", ClientID: "clt_A"},
		"e/000000000000Z": {ID: 31, ClientID: "clt_A"},
	} {
		if got := e.DedupKey(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
