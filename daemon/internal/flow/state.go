package flow

import (
	"fmt"
	"time"
)

// Verdict is what an answer means for the job.
type Verdict uint8

// The verdicts.
const (
	Delivered Verdict = iota // 2xx
	Deferred                 // 2xx with ack:false: again after Delay, spends nothing
	Throttled                // 429: again after Delay or by schedule, spends nothing
	Retry                    // by schedule, not before Delay
	Reject                   // FAILED as a configuration error
	Gone                     // 410: FAILED, and the subscription is paused
	Lost                     // the router vanished in the exchange; spends nothing
)

var verdictNames = [...]string{"DELIVERED", "DEFERRED", "THROTTLED", "RETRY", "REJECTED", "GONE", "LOST"}

func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return "UNKNOWN"
}

// Spends says that the verdict uses up one of the policy's exchanges.
func (v Verdict) Spends() bool { return v != Deferred && v != Throttled && v != Lost }

// MaxLost is how many routers in a row may be lost over one job.
const MaxLost = 10

// LeaseSlack is what a lease lasts beyond the exchange's timeout.
const LeaseSlack = 15 * time.Second

// After is the state machine: the job as it is once attempt a has ended at
// now. The job must be PROCESSING with that attempt; roll, from 0 up to 1,
// places the next delay within the policy's jitter.
func (j Job) After(a Attempt, now time.Time, roll float64) Job {
	j.LeaseOwner, j.LeaseUntil = "", time.Time{}
	j.LastAttemptAt = a.At
	j.Duration = a.Duration
	j.Waiting = false
	j.LastError = a.Error
	if a.Verdict == Lost {
		j.Lost++
	} else {
		j.Lost = 0
	}
	if a.Verdict.Spends() {
		j.Spent++
	}
	if a.Verdict == Delivered {
		j.LastError = ""
		return j.end(Completed, ReasonNone, now)
	}
	if j.CancelAsked {
		return j.end(Cancelled, ReasonCancelled, now)
	}
	switch {
	case a.Verdict == Reject:
		return j.end(Failed, ReasonConfiguration, now)
	case a.Verdict == Gone:
		return j.end(Failed, ReasonGone, now)
	case j.Lost >= MaxLost:
		return j.end(Failed, ReasonRouterLost, now)
	case a.Verdict.Spends() && j.Spent >= j.Policy.MaxRetries:
		return j.end(Failed, ReasonExhausted, now)
	}
	next := now.Add(j.delay(a, roll))
	if a.Unsent {
		// It only waited, and waiting expires nothing.
		if a.Number == 1 {
			j.FirstAttemptAt = time.Time{}
		}
	} else if j.Policy.MaxAge > 0 && next.After(j.FirstAttemptAt.Add(j.Policy.MaxAge)) {
		return j.end(Expired, ReasonMaxAge, now)
	}
	j.Status = Pending
	j.Due = next
	return j
}

// delay is how long the job waits after an attempt that did not end it.
func (j *Job) delay(a Attempt, roll float64) time.Duration {
	switch a.Verdict {
	case Deferred:
		return a.Delay
	case Lost:
		return 0
	case Throttled:
		if a.Delay > 0 {
			return a.Delay
		}
		// Nothing was spent, so the schedule stands where it stood.
		return j.Policy.Delay(j.Spent+1, roll)
	}
	return max(j.Policy.Delay(j.Spent, roll), a.Delay)
}

func (j Job) end(s Status, why Reason, now time.Time) Job {
	j.Status, j.Reason, j.CompletedAt = s, why, now
	j.CancelAsked = false
	j.LeaseOwner, j.LeaseUntil = "", time.Time{}
	j.Waiting = false
	return j
}

// LostAttempt is the record of the exchange that a vanished router began.
func (j *Job) LostAttempt(now time.Time) Attempt {
	return Attempt{
		JobID: j.ID, Number: j.Attempts, At: j.LastAttemptAt, Duration: now.Sub(j.LastAttemptAt),
		Verdict: Lost, ErrorType: ErrorUnknown, Router: j.LeaseOwner,
		Error: fmt.Sprintf("router %s was lost before it recorded an outcome; the receiver may have had this delivery", j.LeaseOwner),
	}
}

// Started is the job as PROCESSING with its next attempt, leased to owner.
// LastAttemptAt is the start of that attempt.
func (j Job) Started(ticket int64, owner string, leaseUntil, now time.Time) Job {
	j.Status = Processing
	j.Ticket = ticket
	j.Attempts++
	j.LeaseOwner, j.LeaseUntil = owner, leaseUntil
	j.LastAttemptAt = now
	if j.FirstAttemptAt.IsZero() {
		j.FirstAttemptAt = now
	}
	return j
}

// Cancelled is the job after somebody asked to cancel it at now: ended at
// once if nothing is in flight, marked if an exchange is. A final job stays
// as it is.
func (j Job) Cancelled(why Reason, now time.Time) Job {
	switch j.Status {
	case Pending, Queued:
		return j.end(Cancelled, why, now)
	case Processing:
		j.CancelAsked = true
	}
	return j
}

// Retried is a dead letter as PENDING again, due at once, with nothing
// spent; numbering goes on, and the age begins anew. Other jobs stay as
// they are: asking twice is no error.
func (j Job) Retried(now time.Time) Job {
	if !j.Status.DeadLetter() {
		return j
	}
	j.Status, j.Reason, j.Due = Pending, ReasonNone, now
	j.Spent, j.Lost = 0, 0
	j.FirstAttemptAt, j.CompletedAt, j.ExpiresAt = time.Time{}, time.Time{}, time.Time{}
	return j
}

// Hastened is a job that waits for its next attempt, due at once. What it has
// spent it has spent. One that was never tried waits for a time that its sender
// chose, and stays as it is, as others do.
func (j Job) Hastened(now time.Time) Job {
	if j.Status == Pending && j.Attempts > 0 && j.Due.After(now) {
		j.Due = now
	}
	return j
}

// Skipped is a dead letter that blocks its key, ended for good.
func (j Job) Skipped(now time.Time) Job {
	if !j.Status.DeadLetter() {
		return j
	}
	return j.end(Cancelled, ReasonSkipped, now)
}

// Discarded is a dead letter that a person gave up, with what they said.
func (j Job) Discarded(note string, now time.Time) Job {
	if !j.Status.DeadLetter() {
		return j
	}
	if note != "" {
		j.LastError = note
	}
	return j.end(Cancelled, ReasonDiscarded, now)
}

// Overdue is the job ended EXPIRED because its absolute time has come, and
// whether it has.
func (j Job) Overdue(now time.Time) (Job, bool) {
	if j.ExpiresAt.IsZero() || now.Before(j.ExpiresAt) || j.Status.Final() || j.Status == Processing {
		return j, false
	}
	return j.end(Expired, ReasonExpiresAt, now), true
}

// Opens says that the end of the job lets the next of its order key go.
// A dead letter in BLOCK_ON_ERROR does not.
func (j *Job) Opens() bool {
	return j.Status.Final() && !(j.Mode == BlockOnError && j.Status.DeadLetter())
}

// Settled is the job that After computed, once the store has seen whether
// somebody asked to cancel it during the exchange: a delivery stays a
// delivery, anything else ends CANCELLED without a retry.
func (j Job) Settled(cancelAsked bool, now time.Time) Job {
	if !cancelAsked || j.Status == Completed || j.Status == Cancelled {
		return j
	}
	return j.end(Cancelled, ReasonCancelled, now)
}
