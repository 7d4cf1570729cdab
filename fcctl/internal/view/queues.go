package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// QueueStats is one queue at a glance: what it holds, and how fast the router
// of its process empties it.
func QueueStats(q client.QueueStats, s *client.Snapshot, ink Ink) string {
	var f facts
	f.add("queue", q.Name)
	f.add("pending", strconv.FormatInt(q.Pending, 10))
	f.add("in flight", strconv.FormatInt(q.InFlight, 10))
	f.add("oldest", first(short(time.Duration(q.OldestAgeSeconds*float64(time.Second))), "none"))
	dead := cell{text: strconv.FormatInt(q.DeadLetters, 10)}
	if q.DeadLetters > 0 {
		dead.ink = ink.Yellow
	}
	f.put("dead letters", dead)
	f.add("rate", strconv.FormatFloat(s.Pools.AggregateThroughputPerSec, 'f', 1, 64)+" exchanges/s over 5 minutes")
	state := cell{"is read", ink.Green}
	switch c := s.Consumer; {
	case !c.Healthy && c.ConsecutiveFailures == 0:
		state = cell{"has not been read of late", ink.Yellow}
	case !c.Healthy:
		state = cell{strings.Trim(fmt.Sprintf("is not read: %d failures in a row, %s", c.ConsecutiveFailures, c.Error), ", "), ink.Red}
	case c.Full:
		state = cell{"waits until the router has room", ink.Yellow}
	}
	f.put("consumer", state)
	f.add("last message", clock(s.Consumer.LastMessageAt))
	return f.String(ink)
}

// QueuedMessages is a table of what waits in a queue.
func QueuedMessages(ms []client.QueuedMessage, now time.Time, ink Ink) string {
	t := table{head: []string{"MESSAGE", "JOB", "TICKET", "POOL", "CLIENT", "CONNECTION", "GROUP", "JOB AGE", "PAYLOAD"}}
	for _, m := range ms {
		t.row(messageCells(&m, now)...)
	}
	return t.String(ink)
}

func messageCells(m *client.QueuedMessage, now time.Time) []cell {
	ticket, age, size := "", "", ""
	if m.Ticket > 0 {
		ticket = strconv.FormatInt(m.Ticket, 10)
	}
	if !m.JobCreatedAt.IsZero() {
		age = short(now.Sub(m.JobCreatedAt))
	}
	if m.PayloadBytes > 0 {
		size = strconv.Itoa(m.PayloadBytes) + " B"
	}
	return []cell{plain(m.MessageID), plain(m.JobID), plain(ticket), plain(m.PoolCode), plain(m.ClientID), plain(m.ConnectionID), plain(m.MessageGroup), plain(age), plain(size)}
}

// QueueDeadLetters is a table of what no router could use.
func QueueDeadLetters(ls []client.QueueDeadLetter, ink Ink) string {
	t := table{head: []string{"MESSAGE", "AT", "READABLE", "RECEIVED", "REASON", "BODY"}}
	for _, l := range ls {
		readable := cell{"no", ink.Yellow}
		if l.Readable {
			readable = plain("yes")
		}
		t.row(plain(l.MessageID), plain(clock(l.At)), readable, plain(strconv.Itoa(l.Deliveries)), plain(Short(l.Reason, 120)), plain(Short(l.Body, 40)))
	}
	return t.String(ink)
}
