package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// RouterStats is a router at a glance.
func RouterStats(s *client.Snapshot, ink Ink) string {
	var f facts
	f.add("router", s.Instance)
	f.add("at", clock(s.At))
	if s.InFlight > 0 || s.Queues != nil { // else it may be hidden
		f.add("in hand", fmt.Sprintf("%d: %d in their exchange, %d wait for a slot", s.InFlight, s.Active, s.Waiting))
	}
	for _, q := range s.Queues {
		text := fmt.Sprintf("%s: %d wait, %d in flight, %d dead letters", q.Name, q.Pending, q.InFlight, q.DeadLetters)
		if q.OldestAgeSeconds >= 1 {
			text += ", the oldest is " + short(time.Duration(q.OldestAgeSeconds*float64(time.Second)))
		}
		f.add("queue", text)
	}
	if c := s.Consumer; !c.Healthy {
		f.put("consumer", cell{first(c.Error, "the queue has not answered for a while"), ink.Red})
	}
	f.add("last 5 minutes", fmt.Sprintf("%s/s, %s delivered", number(s.Pools.AggregateThroughputPerSec), share(s.Pools.AggregateSuccessRate)))
	if s.Breakers.Breakers != nil || s.Breakers.TotalOpen+s.Breakers.TotalHalfOpen+s.Breakers.TotalClosed > 0 { // else they may be hidden
		f.add("breakers", fmt.Sprintf("%d closed, %d half open, %d open", s.Breakers.TotalClosed, s.Breakers.TotalHalfOpen, s.Breakers.TotalOpen))
	}
	f.add("warnings", fmt.Sprintf("%d, of which nobody has acknowledged %d", s.Warnings.Total, s.Warnings.Unacknowledged))
	if s.Unwritten > 0 {
		f.put("unwritten", cell{fmt.Sprintf("%d outcomes that the store does not take; nothing new starts", s.Unwritten), ink.Red})
	}
	for _, p := range s.Problems {
		f.put("problem", cell{p, ink.Yellow})
	}
	parts := []string{f.String(ink)}
	if len(s.Pools.Pools) > 0 {
		parts = append(parts, Pools(s.Pools.Pools, ink))
	}
	if n := min(len(s.Endpoints.Endpoints), 10); n > 0 {
		parts = append(parts, Endpoints(s.Endpoints.Endpoints[:n], ink))
	}
	if len(s.Breakers.Breakers) > 0 {
		parts = append(parts, Breakers(s.Breakers.Breakers, s.At, ink))
	}
	return strings.Join(parts, "\n")
}

// Pools is a table of pools at work; its figures are of the last 5 minutes.
func Pools(ps []client.PoolStats, ink Ink) string {
	t := table{head: []string{"POOL", "STATUS", "ACTIVE", "SLOTS", "ADAPTIVE", "WAITING", "ENDPOINTS", "LIMIT", "PER S", "OK", "P50", "P95", "P99"}}
	for _, p := range ps {
		limit, adaptive := "", ""
		if p.RateLimitPerMinute != nil {
			limit = number(*p.RateLimitPerMinute) + "/min"
			if p.IsRateLimited {
				limit += " binds"
			}
		}
		if a := p.Adaptive; a != nil {
			adaptive = fmt.Sprintf("%d to %d, gradient %.2f", a.Min, a.Max, a.Gradient)
		}
		m := p.Metrics.Last5Min
		t.row(append([]cell{plain(p.PoolCode), {p.Status, ink.status}, plain(strconv.Itoa(p.ActiveWorkers)), plain(strconv.Itoa(p.Concurrency)), plain(adaptive),
			plain(some(p.QueueSize)), plain(some(p.EndpointCount)), plain(limit)}, figures(m, ink)...)...)
	}
	return t.String(ink)
}

// Endpoints is a table of endpoints; its figures are of the last 5 minutes.
func Endpoints(es []client.EndpointStats, ink Ink) string {
	t := table{head: []string{"ENDPOINT", "URL", "BREAKER", "HELD", "ACTIVE", "WAITING", "PER S", "OK", "P50", "P95", "P99"}}
	for _, e := range es {
		held := ""
		for _, h := range e.Holds {
			if h.Reason != "BREAKER" {
				held = strings.ToLower(strings.ReplaceAll(h.Reason, "_", "-")) + " until " + h.Until.UTC().Format("15:04:05")
			}
		}
		name, u := e.ConnectionCode, e.URL
		if name == "" {
			name, u = e.URL, ""
		}
		t.row(append([]cell{plain(Short(name, 50)), plain(Short(u, 50)), breakerCell(e.Breaker, ink), {held, ink.Yellow},
			plain(strconv.Itoa(e.Active)), plain(some(e.Waiting))}, figures(e.Metrics.Last5Min, ink)...)...)
	}
	return t.String(ink)
}

// figures are the cells of a period: rate, part delivered, percentiles.
func figures(m client.Figures, ink Ink) []cell {
	l := m.ProcessingTime
	if l.SampleCount == 0 {
		return []cell{plain(""), plain(""), plain(""), plain(""), plain("")}
	}
	delivered := cell{share(m.SuccessRate), nil}
	if m.SuccessRate < .99 {
		delivered.ink = ink.Yellow
	}
	if m.SuccessRate < .5 {
		delivered.ink = ink.Red
	}
	return []cell{plain(number(m.ThroughputPerSec)), delivered, plain(millis(l.P50Ms)), plain(millis(l.P95Ms)), plain(millis(l.P99Ms))}
}

// Breakers is a table of breakers as they are at a time.
func Breakers(bs []client.Breaker, at time.Time, ink Ink) string {
	t := table{head: []string{"ENDPOINT", "STATE", "TRIPS", "NEXT PROBE", "FAILED", "WHY", "NAME"}}
	for _, b := range bs {
		next := ""
		if !b.ResetAt.IsZero() {
			next = "in " + short(b.ResetAt.Sub(at))
		}
		failed := ""
		if n := b.SuccessCount + b.FailureCount; n > 0 {
			failed = fmt.Sprintf("%d of %d", b.FailureCount, n)
		}
		name := b.Name
		if name == b.Target {
			name = ""
		}
		t.row(plain(Short(first(b.ConnectionCode, b.Target), 50)), breakerCell(b.State, ink), plain(some(b.Trips)), plain(next), plain(failed), plain(Short(b.Why, 80)), plain(name))
	}
	return t.String(ink)
}

// Breaker is everything about one breaker.
func Breaker(b *client.Breaker, ink Ink) string {
	var f facts
	f.add("endpoint", b.Name)
	f.add("connection", b.ConnectionCode)
	f.add("target", b.Target)
	f.put("state", breakerCell(b.State, ink))
	f.add("now", b.Story)
	f.add("why", b.Why)
	f.add("last error", b.LastError)
	f.add("opened", clock(b.LastFailure))
	f.add("next probe", clock(b.ResetAt))
	for _, h := range b.Holds {
		f.add("held", h.Reason+" until "+clock(h.Until)+" "+h.Detail)
	}
	return f.String(ink)
}

func breakerCell(state string, ink Ink) cell {
	switch state {
	case client.BreakerOpen:
		return cell{state, ink.Red}
	case client.BreakerHalfOpen:
		return cell{state, ink.Yellow}
	}
	return cell{state, ink.Green}
}

// Health is a table of the parts of a process.
func Health(h *client.Health, ink Ink) string {
	t := table{head: []string{"PART", "STATUS", "ERROR"}}
	for _, c := range h.Components {
		status := cell{c.Status, ink.Green}
		if c.Status != client.Up {
			status.ink = ink.Red
		}
		t.row(plain(c.Name), status, plain(c.Error))
	}
	return t.String(ink)
}

// InFlight is a table of messages in the router's hands.
func InFlight(ms []client.InFlight, ink Ink) string {
	t := table{head: []string{"MESSAGE", "JOB", "STATE", "ATTEMPT", "POOL", "ENDPOINT", "GROUP", "FOR"}}
	for _, m := range ms {
		t.row(plain(m.MessageID), plain(m.JobID), plain(m.State), plain(some(m.Attempt)), plain(m.PoolCode),
			plain(Short(first(m.ConnectionCode, m.TargetURL), 50)), plain(m.MessageGroup), plain(short(time.Duration(m.ElapsedMs)*time.Millisecond)))
	}
	return t.String(ink)
}

// Warnings is a table of warnings.
func Warnings(ws []client.Warning, ink Ink) string {
	t := table{head: []string{"ID", "SEVERITY", "CATEGORY", "SOURCE", "TIMES", "LAST", "SEEN", "MESSAGE"}}
	for _, w := range ws {
		severity := cell{w.Severity, nil}
		switch w.Severity {
		case "WARN":
			severity.ink = ink.Yellow
		case "ERROR", "CRITICAL":
			severity.ink = ink.Red
		}
		seen := ""
		if w.Acknowledged {
			seen = "yes"
		}
		t.row(plain(w.ID), severity, plain(w.Category), plain(w.Source), plain(strconv.Itoa(w.Count)), plain(clock(w.LastAt)), plain(seen), plain(Short(w.Message, 120)))
	}
	return t.String(ink)
}

// some is a count, and nothing for none.
func some(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func share(part float64) string { return number(100*part) + "%" }

// number has three digits that say something, or all of a larger one.
func number(f float64) string {
	switch {
	case f >= 100:
		return strconv.FormatFloat(f, 'f', 0, 64)
	case f >= 10:
		return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
	}
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
}

func millis(ms float64) string { return short(time.Duration(ms * float64(time.Millisecond))) }

// short is a duration to three digits.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 100*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// Queues is a table of what queues hold.
func Queues(qs []client.QueueStats, ink Ink) string {
	t := table{head: []string{"QUEUE", "PENDING", "IN FLIGHT", "DEAD LETTERS", "OLDEST"}}
	for _, q := range qs {
		t.row(plain(q.Name), plain(strconv.FormatInt(q.Pending, 10)), plain(strconv.FormatInt(q.InFlight, 10)), plain(strconv.FormatInt(q.DeadLetters, 10)), plain(short(time.Duration(q.OldestAgeSeconds*float64(time.Second)))))
	}
	return t.String(ink)
}
