package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/client"
)

// Trace is all that is known of one event: what it is, which subscriptions
// took it, and how far each of its jobs is.
type Trace struct {
	Event         client.Event     `json:"event"`
	Bytes         int              `json:"bytes"` // of its data
	Subscriptions []client.Verdict `json:"subscriptions"`
	Jobs          []TracedJob      `json:"jobs"`
	More          bool             `json:"more,omitempty"` // there are more jobs than these
	// Unseen says what could not be looked at, and why.
	Unseen []string `json:"unseen,omitempty"`
	// Over says that nothing more will happen to it by itself.
	Over bool      `json:"over"`
	At   time.Time `json:"at"` // when it was looked at
}

// TracedJob is one job with its exchanges and what it meets on its way.
type TracedJob struct {
	Job      client.Job            `json:"job"`
	Attempts []client.Attempt      `json:"attempts"`
	Behind   *client.Job           `json:"behind,omitempty"`   // what it waits for within its order key
	InFlight *client.InFlight      `json:"inFlight,omitempty"` // its message in the router's hands
	Endpoint *client.EndpointStats `json:"endpoint,omitempty"`
	Pool     *client.PoolStats     `json:"pool,omitempty"`
	Why      string                `json:"why"` // in a sentence
}

// ended are sentences for the reasons of jobs that have ended.
var ended = map[string]string{
	"RETRIES_EXHAUSTED":    "all its attempts failed",
	"CONFIGURATION":        "the receiver refused it in a way that trying again does not mend",
	"GONE":                 "the receiver answered 410: it wants no more, and the subscription is paused",
	"MAX_AGE":              "it was still not delivered at the age that its subscription allows",
	"EXPIRES_AT":           "it was still not delivered when it expired",
	"ROUTER_LOST":          "routers were lost again and again while they delivered it",
	"CANCELLED":            "somebody cancelled it",
	"SKIPPED":              "somebody skipped it, so that its group goes on",
	"SUBSCRIPTION_DELETED": "its subscription or connection was deleted",
	"DISCARDED":            "somebody discarded it",
	"REPLAY_CANCELLED":     "its replay was cancelled",
}

// Explain says in a sentence what became of the job, or what it waits for.
func (t *TracedJob) Explain(e *client.Event, now time.Time) {
	j := &t.Job
	switch {
	case j.Status == client.JobCompleted:
		t.Why = "delivered " + after(e.CreatedAt, j.CompletedAt)
	case j.IsTerminal || j.Status == client.JobFailed:
		t.Why = ended[j.Reason]
		if t.Why == "" {
			t.Why = "it ended: " + first(j.Reason, j.Status)
		}
		if j.LastError != "" {
			t.Why += "; the last: " + j.LastError
		}
		if j.Blocked {
			t.Why += "; its group waits for it: fcctl jobs retry " + j.ID + ", or skip"
		} else if j.Status == client.JobFailed || j.Status == client.JobExpired {
			t.Why += "; again with: fcctl jobs retry " + j.ID
		}
	case j.Status == client.JobProcessing:
		t.Why = "an exchange with the receiver is under way"
	case j.WaitsFor != "":
		t.Why = "waits: " + j.WaitsFor
	case t.Behind != nil && t.Behind.Blocked:
		t.Why = fmt.Sprintf("its group is blocked by job %s, a dead letter: fcctl jobs retry %s, or skip", t.Behind.ID, t.Behind.ID)
	case t.Behind != nil:
		t.Why = fmt.Sprintf("waits behind job %s of its group, which is %s", t.Behind.ID, t.Behind.Status)
	case j.Waiting:
		t.Why = "waits behind another job of its group"
	default:
		t.Why = t.waits(now)
	}
}

// waits says what a job waits for that nothing within its group holds.
func (t *TracedJob) waits(now time.Time) string {
	j := &t.Job
	if ep := t.Endpoint; ep != nil {
		for _, h := range ep.Holds {
			// What ends before the job is due is not what it waits for.
			if !h.Until.IsZero() && (!h.Until.After(now) || h.Until.Before(j.Due.Add(-time.Second))) {
				continue
			}
			s := map[string]string{"BREAKER": "the endpoint's breaker is open", "RETRY_AFTER": "the receiver asked for time (Retry-After)", "PAUSED": "the endpoint is paused"}[h.Reason]
			s = first(s, "the endpoint is held: "+h.Reason)
			if !h.Until.IsZero() {
				s += " until " + clock(h.Until)
			}
			s += orNothing("; ", h.Detail)
			if !strings.Contains(h.Detail, j.LastError) {
				s += orNothing("; the last: ", j.LastError)
			}
			if h.Reason == "BREAKER" && ep.ConnectionCode != "" {
				s += "; at once, if it is mended: fcctl router breakers reset " + ep.ConnectionCode
			}
			return s
		}
		if ep.Breaker == client.BreakerOpen && len(ep.Holds) == 0 {
			return "the endpoint's breaker is open" + orNothing("; the last: ", j.LastError)
		}
	}
	switch {
	case t.limited() != "":
		s := "waits for the rate limit of " + t.limited()
		if j.Status == client.JobPending && !j.Due.IsZero() {
			s += "; it is tried again at " + clock(j.Due)
		}
		return s
	case t.InFlight != nil:
		return "in the router's hands since " + clock(t.InFlight.ReceivedAt) + ", " + strings.ToLower(t.InFlight.State)
	case j.Status == client.JobQueued:
		return "in the queue since " + clock(j.QueuedAt)
	case j.AttemptCount > 0:
		return fmt.Sprintf("waits for a retry at %s", clock(j.Due)) + orNothing("; the last: ", j.LastError)
	case j.Due.After(j.CreatedAt):
		return "is not to go before " + clock(j.Due)
	}
	return "waits to be put into the queue"
}

// limited is the pool or the endpoint whose rate limit a job waits for, or "":
// it was not tried, and is in the router's hands or was given back by it.
func (t *TracedJob) limited() string {
	j := &t.Job
	if j.AttemptCount > 0 || j.QueuedAt.IsZero() {
		return ""
	}
	back := j.Status == client.JobPending
	if ep := t.Endpoint; ep != nil && ep.RateLimitPerMinute > 0 && (back || ep.Waiting > 0) {
		return fmt.Sprintf("its endpoint, %g a minute", ep.RateLimitPerMinute)
	}
	if p := t.Pool; p != nil && p.RateLimitPerMinute != nil && *p.RateLimitPerMinute > 0 && (back || p.IsRateLimited) {
		return fmt.Sprintf("pool %s, %g a minute", p.PoolCode, *p.RateLimitPerMinute)
	}
	return ""
}

func orNothing(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

// after is how long something came after another.
func after(from, to time.Time) string {
	d := to.Sub(from)
	switch {
	case d < 0:
		d = 0
	case d < time.Second:
		d = d.Round(100 * time.Microsecond)
	case d < time.Minute:
		d = d.Round(time.Millisecond)
	default:
		d = d.Round(time.Second)
	}
	return "+" + d.String()
}

// traceWidth is how wide a trace is.
const traceWidth = 80

// wrapped breaks a text into lines that fit, each behind the indent.
func wrapped(indent int, s string) string {
	var b strings.Builder
	pad := strings.Repeat(" ", indent)
	line := 0
	for _, w := range strings.Fields(s) {
		n := utf8.RuneCountInString(w)
		switch {
		case line == 0:
			b.WriteString(pad)
			line = indent
		case line+1+n > traceWidth:
			b.WriteString("\n" + pad)
			line = indent
		default:
			b.WriteString(" ")
			line++
		}
		b.WriteString(w)
		line += n
	}
	return b.String() + "\n"
}

// Text is a trace for people, on one screen as far as it goes.
func (t *Trace) Text(ink Ink) string {
	e := &t.Event
	var b strings.Builder
	b.WriteString(ink.Bold("event "+e.ID) + "  " + e.Type + "\n")
	var f facts
	f.add("  accepted", clock(e.CreatedAt))
	f.add("  source", e.Source)
	f.add("  subject", e.Subject)
	f.add("  client", e.ClientID)
	f.add("  group", e.MessageGroup)
	f.add("  correlation", e.CorrelationID)
	f.add("  deduplication", Short(e.DeduplicationID, 60))
	size := cell{text: fmt.Sprintf("%d bytes", t.Bytes)}
	if e.Expunged {
		size = cell{"erased for good: what was not delivered can not be", ink.Red}
	}
	f.put("  data", size)
	b.WriteString(f.String(ink))
	t.verdicts(&b, ink)
	for i := range t.Jobs {
		t.Jobs[i].text(&b, e, ink)
	}
	if t.More {
		b.WriteString(fmt.Sprintf("\nThere are more jobs: fcctl jobs list --event %s\n", e.ID))
	}
	for _, u := range t.Unseen {
		b.WriteString(ink.Yellow(wrapped(0, "Not seen: "+u)))
	}
	return b.String()
}

// verdicts are the subscriptions that did not take the event, and those that
// match it and have no job.
func (t *Trace) verdicts(b *strings.Builder, ink Ink) {
	has := map[string]bool{}
	for _, j := range t.Jobs {
		has[j.Job.SubscriptionID] = true
	}
	matched, refused := 0, 0
	var others []string // which want other types
	var out strings.Builder
	for _, v := range t.Subscriptions {
		name := first(v.Code, v.SubscriptionID)
		switch {
		case v.Clause == "pattern" && v.Value == t.Event.Type:
			others = append(others, name)
		case !v.Matched:
			refused++
			out.WriteString("  " + ink.Yellow("no") + "   " + name + "  (" + v.Clause + ")\n")
			out.WriteString(wrapped(7, Short(v.Detail, 200)))
			if v.Value != "" {
				out.WriteString(wrapped(7, "it saw "+Short(v.Value, 120)))
			}
		case has[v.SubscriptionID]:
			matched++
			out.WriteString("  " + ink.Green("yes") + "  " + name + "\n")
		default:
			matched++
			out.WriteString("  " + ink.Green("yes") + "  " + name + "\n" + wrapped(7, "it has no job: the event is on its way to it, or was accepted before the subscription was as it is now"))
		}
	}
	if refused += len(others); len(others) > 0 {
		out.WriteString(ink.Dim("  no   of other types: " + strings.TrimLeft(wrapped(7, strings.Join(others, ", ")), " ")))
	}
	switch {
	case len(t.Subscriptions) == 0:
		b.WriteString("\n" + ink.Bold("No subscription could have matched it.") + "\n")
	case matched == 0:
		b.WriteString("\n" + ink.Bold("Matches now: none of "+count(refused, "subscription")) + "\n" + out.String())
	default:
		b.WriteString("\n" + ink.Bold(fmt.Sprintf("Matches now: %d of %s", matched, count(matched+refused, "subscription"))) + "\n" + out.String())
	}
}

// text is one job and its exchanges.
func (t *TracedJob) text(b *strings.Builder, e *client.Event, ink Ink) {
	j := &t.Job
	b.WriteString("\n" + ink.Bold("job "+j.ID) + "  " + ink.status(j.Status) + "  " + first(j.SubscriptionCode, j.SubscriptionID) + "\n")
	why := wrapped(2, t.Why)
	switch {
	case j.Status == client.JobCompleted:
		why = ink.Green(why)
	case j.Status == client.JobFailed, j.Status == client.JobExpired:
		why = ink.Red(why)
	default:
		why = ink.Yellow(why)
	}
	b.WriteString(why)
	if j.TargetURL != "" {
		b.WriteString("  to " + j.TargetURL + "\n")
	}
	var line []string
	if j.Mode != "" && j.Mode != "IMMEDIATE" {
		line = append(line, "in order: "+j.Mode)
	}
	if j.MaxRetries > 0 && j.AttemptCount > 0 {
		line = append(line, fmt.Sprintf("%d of %d attempts spent", j.Spent, j.MaxRetries))
	}
	if !j.QueuedAt.IsZero() && (len(t.Attempts) == 0 || j.QueuedAt.After(t.Attempts[len(t.Attempts)-1].AttemptedAt)) {
		line = append(line, "queued "+after(e.CreatedAt, j.QueuedAt))
	}
	if j.ReplayID != "" {
		line = append(line, "of replay "+j.ReplayID)
	}
	if len(line) > 0 {
		b.WriteString(wrapped(2, strings.Join(line, ", ")))
	}
	for _, at := range t.Attempts {
		answer := "no answer"
		if at.ResponseCode > 0 {
			answer = strconv.Itoa(at.ResponseCode)
		}
		verdict := ink.Green(first(at.Verdict, "DELIVERED"))
		if !at.Success {
			verdict = ink.Red(first(at.Verdict, at.ErrorType))
		}
		b.WriteString(fmt.Sprintf("  %2d  %-12s %8s ms  %-9s  %s\n", at.AttemptNumber, after(e.CreatedAt, at.AttemptedAt), strconv.FormatFloat(at.DurationMillis, 'f', -1, 64), answer, verdict))
		if s := first(at.ErrorMessage, Short(at.ResponseBody, 120)); s != "" && !at.Success {
			b.WriteString(wrapped(6, Short(s, 200)))
		}
	}
}
