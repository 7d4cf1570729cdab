package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// Rate is how fast a replay may go.
func Rate(perSecond float64) string {
	if perSecond == 0 {
		return "no limit"
	}
	return strconv.FormatFloat(perSecond, 'f', -1, 64) + "/s"
}

func percent(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) + " %" }

// destination says where a replay goes.
func destination(r *client.Replay) string {
	if to := first(r.Target, r.ConnectionID); to != "" {
		return to
	}
	var codes []string
	for _, t := range r.Subscriptions {
		codes = append(codes, first(t.Code, t.SubscriptionID))
	}
	if len(codes) == 0 {
		return "all that match"
	}
	return strings.Join(codes, ", ")
}

// selection says which events a replay takes.
func selection(r *client.Replay) string {
	var s []string
	switch {
	case r.EventCount > 0:
		s = append(s, count(r.EventCount, "event"))
	case r.Type != "":
		s = append(s, r.Type)
	}
	if r.FailedOnly {
		s = append(s, "failed only")
	}
	if !r.Since.IsZero() {
		s = append(s, "since "+clock(r.Since))
	}
	if !r.Until.IsZero() {
		s = append(s, "until "+clock(r.Until))
	}
	if len(s) == 0 {
		return "all"
	}
	return strings.Join(s, ", ")
}

// Replays is a table of replays.
func Replays(rs []client.Replay, ink Ink) string {
	t := table{head: []string{"ID", "STATUS", "DONE", "EVENTS", "TO", "CLIENT", "JOBS", "OPEN", "FAILED", "CREATED"}}
	for i := range rs {
		r := &rs[i]
		t.row(plain(r.ID), cell{r.Status, ink.status}, plain(percent(r.Progress.Percent)), plain(selection(r)), plain(Short(destination(r), 40)), plain(r.ClientID),
			plain(strconv.FormatInt(r.Progress.Created, 10)), plain(strconv.FormatInt(r.Progress.Open, 10)), bad(r.Progress.Failed+r.Progress.Expired, ink), plain(clock(r.CreatedAt)))
	}
	return t.String(ink)
}

// bad is a count that should be 0.
func bad(n int64, ink Ink) cell {
	c := plain(strconv.FormatInt(n, 10))
	if n > 0 {
		c.ink = ink.Red
	}
	return c
}

// Replay is everything about one replay.
func Replay(r *client.Replay, ink Ink) string {
	var f facts
	f.add("id", r.ID)
	f.put("status", cell{r.Status, ink.status})
	f.add("events", selection(r))
	f.add("client", r.ClientID)
	f.add("to", destination(r))
	f.add("rate", Rate(r.Rate))
	p := r.Progress
	f.add("looked through", percent(p.Percent))
	f.add("jobs", strconv.FormatInt(p.Created, 10))
	f.add("completed", strconv.FormatInt(p.Completed, 10))
	for _, x := range []struct {
		name string
		n    int64
	}{{"failed", p.Failed}, {"expired", p.Expired}} {
		if x.n > 0 {
			f.put(x.name, bad(x.n, ink))
		}
	}
	if p.Cancelled > 0 {
		f.add("cancelled", strconv.FormatInt(p.Cancelled, 10))
	}
	f.add("open", strconv.FormatInt(p.Open, 10))
	f.add("created", clock(r.CreatedAt))
	f.add("created by", r.CreatedBy)
	f.add("ended", clock(r.EndedAt))
	return f.String(ink)
}

// barWidth is that of the bar alone, in characters.
const barWidth = 24

// ReplayBar is how far a replay is, in one line.
func ReplayBar(r *client.Replay, after time.Duration, ink Ink) string {
	p := r.Progress
	full := min(max(int(p.Percent*barWidth/100), 0), barWidth)
	ended := p.Created - p.Open
	line := fmt.Sprintf("[%s%s] %s  %s of %s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), percent(p.Percent),
		strconv.FormatInt(ended, 10), count(int(p.Created), "job"))
	if n := p.Failed + p.Expired; n > 0 {
		line += "  " + ink.Red(strconv.FormatInt(n, 10)+" failed")
	}
	if seconds := after.Seconds(); seconds >= 1 && ended > 0 {
		line += fmt.Sprintf("  %.0f/s", float64(ended)/seconds)
	}
	if r.Status != client.WorkRunning {
		line += "  " + ink.status(r.Status)
	}
	return line
}

// Preview is what a replay would send.
func Preview(p *client.ReplayPreview, ink Ink) string {
	var b strings.Builder
	more := ""
	if p.Partial {
		more = " at least: looking further would take long"
	}
	fmt.Fprintf(&b, "%s and %s%s.\n", count(p.Events, "event"), delivery(p.Jobs), more)
	if p.Expunged > 0 {
		fmt.Fprintf(&b, "%s\n", ink.Yellow(count(p.Expunged, "event")+" can not be sent: the data is gone."))
	}
	if len(p.PerSubscription) > 0 {
		t := table{head: []string{"TO", "STATUS", "DELIVERIES"}}
		for _, s := range p.PerSubscription {
			t.row(plain(first(s.Code, s.SubscriptionID, "the target")), cell{s.Status, ink.status}, plain(strconv.Itoa(s.Jobs)))
		}
		b.WriteString("\n" + t.String(ink))
	}
	if len(p.Sample) > 0 {
		b.WriteString("\nThe first of them:\n" + Events(p.Sample, ink))
	}
	return b.String()
}

func delivery(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return strconv.Itoa(n) + " deliveries"
}

// DeadLetter is everything about one dead letter, and its exchanges.
func DeadLetter(d *client.DeadLetter, ink Ink) string {
	s := Job(&d.Job, ink)
	if len(d.Attempts) > 0 {
		s += "\n" + Attempts(d.Attempts, false, ink)
	}
	return s
}

// acted is what a task does, done.
func acted(t *client.LetterTask) string {
	if t.Act == "DISCARD" {
		return "discarded"
	}
	return "retried"
}

// LetterLine is how far a task over dead letters is, in one line.
func LetterLine(t *client.LetterTask) string {
	return fmt.Sprintf("%s: %s %s of %d looked at", t.Status, count(int(t.Done), "dead letter"), acted(t), t.Examined)
}

// LetterTasks is a table of tasks over dead letters.
func LetterTasks(ts []client.LetterTask, ink Ink) string {
	t := table{head: []string{"ID", "STATUS", "ACT", "DONE", "SUBSCRIPTION", "REASON", "GROUP", "CLIENT", "CREATED"}}
	for i := range ts {
		x := &ts[i]
		t.row(plain(x.ID), cell{x.Status, ink.status}, plain(x.Act), plain(strconv.FormatInt(x.Done, 10)), plain(x.SubscriptionID), plain(x.Reason),
			plain(x.MessageGroup), plain(x.ClientID), plain(clock(x.CreatedAt)))
	}
	return t.String(ink)
}

// LetterTask is everything about one task over dead letters.
func LetterTask(t *client.LetterTask, ink Ink) string {
	var f facts
	f.add("id", t.ID)
	f.put("status", cell{t.Status, ink.status})
	f.add(acted(t), strconv.FormatInt(t.Done, 10))
	f.add("subscription", t.SubscriptionID)
	f.add("reason", t.Reason)
	f.add("group", t.MessageGroup)
	f.add("client", t.ClientID)
	f.add("replay", t.ReplayID)
	f.add("why", t.Note)
	f.add("created", clock(t.CreatedAt))
	f.add("ended", clock(t.EndedAt))
	return f.String(ink)
}

// Groups is a table of blocked groups.
func Groups(gs []client.Group, ink Ink) string {
	t := table{head: []string{"ORDER KEY", "SUBSCRIPTION", "GROUP", "CLIENT", "SINCE", "WAITING", "HEAD", "REPLAY", "WHY"}}
	for i := range gs {
		g := &gs[i]
		why := g.Head.Reason
		if g.Head.LastError != "" {
			why += ": " + g.Head.LastError
		}
		waiting := strconv.Itoa(g.Waiting)
		if g.Waiting >= 1000 {
			waiting += "+"
		}
		t.row(plain(g.OrderKey), plain(first(g.SubscriptionCode, g.SubscriptionID)), plain(g.MessageGroup), plain(g.ClientID), plain(clock(g.BlockedSince)),
			plain(waiting), plain(g.Head.ID), plain(g.ReplayID), cell{Short(why, 60), ink.Red})
	}
	return t.String(ink)
}
