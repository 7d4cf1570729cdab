package tui

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/flowcatalyst/fc/client"
)

// tried is a job with its attempts.
type tried struct {
	job      *client.Job
	attempts []client.Attempt
}

// newJob shows a job, and of its attempts one whole exchange: the last, until
// another is chosen.
func newJob(d *desk, id string) *detail {
	var p *detail
	chosen := 0 // the number of an attempt, 0 for the last
	p = &detail{
		desk: d, name: id, equivalent: "fcctl jobs get " + id, id: id, every: often,
		fetch: func(ctx context.Context) (any, error) {
			j, err := d.Jobs.Get(ctx, id)
			if err != nil {
				return nil, err
			}
			as, err := d.Jobs.Attempts(ctx, id)
			if err != nil {
				return nil, err
			}
			return tried{j, as}, nil
		},
		render: func(v any, width int) []string { return d.job(v.(tried), chosen, width) },
		keys: []key{{name: "r", does: "retry", writes: true}, {name: "ctrl+d", does: "cancel", writes: true}, {name: "e", does: "its event"},
			{name: "← →", does: "another attempt"}},
		press: func(v any, k string) (tea.Cmd, bool) {
			t := v.(tried)
			switch k {
			case "r":
				return retryJobs(d, p, []client.Job{*t.job}), true
			case "ctrl+d":
				return cancelJobs(d, p, []client.Job{*t.job}), true
			case "left", "h":
				chosen = t.beside(chosen, -1)
				p.width = 0 // to be drawn again
			case "right", "l":
				chosen = t.beside(chosen, 1)
				p.width = 0
			case "e":
				if t.job.EventID != "" {
					return show(newEvent(d, t.job.EventID)), true
				}
			default:
				return nil, false
			}
			return nil, true
		},
	}
	return p
}

// at is where the attempt of that number is; 0 is the last. It is -1 where there
// are none.
func (t tried) at(number int) int {
	i := slices.IndexFunc(t.attempts, func(a client.Attempt) bool { return a.AttemptNumber == number })
	if i < 0 {
		return len(t.attempts) - 1
	}
	return i
}

// beside is the number of the attempt before or after one. After the last there
// is 0, which stays the last when there is another.
func (t tried) beside(number, by int) int {
	i := max(0, t.at(number)+by)
	if i >= len(t.attempts)-1 {
		return 0
	}
	return t.attempts[i].AttemptNumber
}

// job draws a job and one of its exchanges: what was sent on the left and what
// came back on the right, where there is room for both.
func (d *desk) job(t tried, chosen, width int) []string {
	j := t.job
	f := &facts{p: d.palette, width: width}
	f.add("type", j.Code, strong)
	f.add("status", j.Status, toneOf(j.Status))
	f.add("reason", j.Reason, bad)
	f.add("last error", j.LastError, bad)
	f.add("now", d.waits(j), careful)
	f.add("subscription", j.SubscriptionCode, plain)
	f.add("connection", d.codes.of(j.ConnectionID), plain)
	f.add("pool", d.codes.of(j.DispatchPoolID), plain)
	f.add("target", j.TargetURL, plain)
	f.add("client", d.codes.of(j.ClientID), plain)
	f.add("group", j.MessageGroup, plain)
	f.add("mode", j.Mode, plain)
	f.add("event", j.EventID, plain)
	f.add("replay", j.ReplayID, plain)
	f.add("created", d.moment(j.CreatedAt), plain)
	f.add("ended", d.moment(j.CompletedAt), plain)
	f.add("attempts", fmt.Sprintf("%d; %d of %d are spent", j.AttemptCount, j.Spent, j.MaxRetries), plain)
	f.title("Attempts")
	at := t.at(chosen)
	if at < 0 {
		f.text("none yet")
	}
	for i, a := range t.attempts {
		if i > 0 {
			if n := a.AttemptNumber - t.attempts[i-1].AttemptNumber - 1; n > 0 {
				f.lines = append(f.lines, d.paint(faint, fmt.Sprintf("     … %d more, which are not kept", n)))
			}
		}
		sign := "  "
		if i == at && len(t.attempts) > 1 {
			sign = "> "
		}
		f.lines = append(f.lines, sign+d.attemptLine(a, j.CreatedAt))
	}
	half := width
	if width >= 100 {
		half = (width - 3) / 2
	}
	var a *client.Attempt
	if at >= 0 {
		a = &t.attempts[at]
	}
	sent, back := d.sent(j, a, half), d.cameBack(a, half)
	f.lines = append(f.lines, "")
	if half == width {
		return append(append(append(f.lines, back...), ""), sent...)
	}
	for i := range max(len(sent), len(back)) {
		l, r := "", ""
		if i < len(sent) {
			l = sent[i]
		}
		if i < len(back) {
			r = back[i]
		}
		f.lines = append(f.lines, fill(l, half)+" │ "+r)
	}
	return f.lines
}

// sent is the request of an attempt, as far as it is known afterwards: the
// signature and what the connection adds are not kept.
func (d *desk) sent(j *client.Job, a *client.Attempt, width int) []string {
	f := &facts{p: d.palette, width: width}
	contentType := "application/json"
	if j.DataOnly {
		contentType = cmp.Or(j.PayloadContentType, contentType)
	}
	if a == nil {
		f.title("To be sent")
	} else {
		f.title(fmt.Sprint("Sent at attempt ", a.AttemptNumber))
	}
	f.text("POST " + j.TargetURL)
	f.text("Content-Type: " + contentType)
	f.text("X-FlowCatalyst-Dispatch-Job-Id: " + j.ID)
	if a != nil {
		f.text(fmt.Sprint("X-FlowCatalyst-Attempt: ", a.AttemptNumber))
	}
	f.lines = append(f.lines, "")
	switch {
	case j.Payload == "":
		f.text("the body is not kept")
		return f.lines
	case !j.DataOnly:
		f.lines = append(f.lines, "  "+d.paint(faint, ansi.Truncate("in an envelope, of which this is the data:", width-2, "…")))
	}
	f.text(pretty([]byte(j.Payload)))
	return f.lines
}

// cameBack is the answer to an attempt.
func (d *desk) cameBack(a *client.Attempt, width int) []string {
	f := &facts{p: d.palette, width: width}
	if a == nil {
		f.title("Came back")
		f.text("nothing yet")
		return f.lines
	}
	f.title(fmt.Sprint("Came back at attempt ", a.AttemptNumber))
	if a.ResponseCode > 0 {
		f.text(fmt.Sprint("status ", a.ResponseCode))
	} else {
		f.text(nameOf(a.ErrorMessage, "nothing"))
	}
	for _, name := range slices.Sorted(maps.Keys(a.ResponseHeaders)) {
		f.text(name + ": " + a.ResponseHeaders[name])
	}
	if a.ResponseBody != "" {
		f.lines = append(f.lines, "")
		f.text(pretty([]byte(a.ResponseBody)))
	}
	f.lines = append(f.lines, "")
	times := timeOf(client.TestTiming{DNS: a.DNSMillis, Connect: a.ConnectMillis, TLS: a.TLSMillis, FirstByte: a.FirstByteMillis})
	if a.FirstByteMillis > 0 && a.ConnectMillis == 0 {
		times = "on a connection that was open, " + times
	}
	if times != "" {
		f.text(times)
	}
	f.text("at " + d.moment(a.AttemptedAt))
	if a.Verdict != "" {
		f.text("which means " + a.Verdict)
	}
	if a.RouterInstance != "" {
		f.text("router " + a.RouterInstance)
	}
	return f.lines
}
