package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/client"
)

// Jobs is a table of jobs.
func Jobs(jobs []client.Job, ink Ink) string {
	t := table{head: []string{"ID", "STATUS", "TYPE", "SUBSCRIPTION", "GROUP", "ATTEMPTS", "CREATED", "NOTE"}}
	for _, j := range jobs {
		t.row(plain(j.ID), cell{j.Status, ink.status}, plain(j.Code), plain(first(j.SubscriptionCode, j.SubscriptionID)), plain(j.MessageGroup),
			plain(strconv.Itoa(j.AttemptCount)), plain(clock(j.CreatedAt)), plain(Short(note(j), 60)))
	}
	return t.String(ink)
}

// JobLine is a job as it changes.
func JobLine(j client.Job, ink Ink) string {
	return strings.Join([]string{ink.Dim(clock(j.UpdatedAt)), j.ID, ink.status(j.Status), j.Code, first(j.SubscriptionCode, j.SubscriptionID, j.TargetURL), Short(note(j), 60)}, "  ")
}

// note says the one thing about a job that its state does not.
func note(j client.Job) string {
	switch {
	case j.Blocked && j.Reason != "":
		j.Blocked = false
		return "blocks its group: " + note(j)
	case j.Blocked:
		return "blocks its group; retry or skip it"
	case j.WaitsFor != "":
		return "waits: " + j.WaitsFor
	case j.Reason != "" && j.LastError != "":
		return j.Reason + ": " + j.LastError
	case j.Reason != "":
		return j.Reason
	case j.Waiting:
		return "waits for another of its group"
	case j.Status == client.JobPending && j.LastError != "":
		return "again at " + clock(j.Due) + ": " + j.LastError
	case j.Status == client.JobPending && j.Due.After(j.CreatedAt):
		return "at " + clock(j.Due)
	}
	return ""
}

// Job is everything about one job.
func Job(j *client.Job, ink Ink) string {
	var f facts
	f.add("id", j.ID)
	f.put("status", cell{j.Status, ink.status})
	f.add("reason", j.Reason)
	f.add("note", note(client.Job{Blocked: j.Blocked, Waiting: j.Waiting, WaitsFor: j.WaitsFor}))
	f.add("type", j.Code)
	f.add("event", j.EventID)
	f.add("subscription", first(j.SubscriptionCode, j.SubscriptionID))
	f.add("target", j.TargetURL)
	f.add("client", j.ClientID)
	f.add("mode", j.Mode)
	f.add("group", j.MessageGroup)
	f.add("order key", j.OrderKey)
	f.add("correlation", j.CorrelationID)
	attempts := strconv.Itoa(j.AttemptCount)
	if j.MaxRetries > 0 {
		attempts += " (" + strconv.Itoa(j.Spent) + " of " + strconv.Itoa(j.MaxRetries) + " spent)"
	}
	f.add("attempts", attempts)
	f.add("last error", j.LastError)
	f.add("created", clock(j.CreatedAt))
	if j.Status == client.JobPending {
		f.add("due", clock(j.Due))
	}
	f.add("queued", clock(j.QueuedAt))
	f.add("last attempt", clock(j.LastAttemptAt))
	f.add("completed", clock(j.CompletedAt))
	f.add("expires", clock(j.ExpiresAt))
	f.add("payload", strings.TrimSpace(j.Payload))
	return f.String(ink)
}

// Attempts is a table of a job's exchanges. A wide one says where the time went
// and who made them, too.
func Attempts(as []client.Attempt, wide bool, ink Ink) string {
	t := table{head: []string{"ATTEMPT", "AT", "MILLIS", "ANSWER", "OUTCOME", "ERROR", "BODY"}}
	if wide {
		t.head = slices.Insert(t.head, 3, "DNS", "CONNECT", "TLS", "FIRST BYTE")
		t.head = append(t.head, "ROUTER")
	}
	millis := func(n float64) cell {
		if n == 0 {
			return plain("")
		}
		return plain(strconv.FormatFloat(n, 'f', -1, 64))
	}
	for _, a := range as {
		answer, outcome := "", cell{"success", ink.Green}
		if a.ResponseCode > 0 {
			answer = strconv.Itoa(a.ResponseCode)
		}
		if !a.Success {
			outcome = cell{a.ErrorType, ink.Red}
			if a.ErrorType == "" { // a receiver that wants it later has made no mistake
				outcome.text = cmp.Or(strings.ToLower(a.Verdict), "no success")
			}
		}
		row := []cell{plain(strconv.Itoa(a.AttemptNumber)), plain(clock(a.AttemptedAt)), plain(strconv.FormatFloat(a.DurationMillis, 'f', -1, 64)),
			plain(answer), outcome, plain(Short(a.ErrorMessage, 200)), plain(Short(a.ResponseBody, 40))}
		if wide {
			row = slices.Insert(row, 3, millis(a.DNSMillis), millis(a.ConnectMillis), millis(a.TLSMillis), millis(a.FirstByteMillis))
			row = append(row, plain(a.RouterInstance))
		}
		t.row(row...)
	}
	return t.String(ink)
}
