package router

import (
	"fmt"
	"sync"
	"time"
)

// Warning is something that a person should look at.
type Warning struct {
	Category string // CONFIGURATION or GONE
	Severity string // WARN or ERROR
	Message  string
	Source   string // the subscription, or the job where there is none
	At       time.Time
}

// Warnings takes warnings. Warn must not block; the sink bounds what it keeps.
type Warnings interface{ Warn(Warning) }

// alarms lets one warning of a kind through per minute.
type alarms struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const (
	alarmEvery = time.Minute
	alarmKinds = 4096
)

func (a *alarms) due(key string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t, ok := a.last[key]; ok && now.Sub(t) < alarmEvery && !now.Before(t) {
		return false
	}
	if a.last == nil || len(a.last) >= alarmKinds {
		a.last = map[string]time.Time{}
	}
	a.last[key] = now
	return true
}

// warn says once a minute for each subscription and answer what is wrong.
func (r *Router) warn(d *delivery) {
	r.meters.warnings.Inc()
	t := &d.attempt
	source := d.job.SubscriptionID
	if source == "" {
		source = d.job.Lane
	}
	now := r.Now()
	if !r.alarms.due(fmt.Sprintf("%s %d %s", source, t.Status, t.ErrorType), now) {
		return
	}
	w := Warning{Category: "CONFIGURATION", Severity: "WARN", Source: source, At: now,
		Message: fmt.Sprintf("job %s: %s", d.id, t.Error)}
	if t.PauseSubject {
		w.Category = "GONE"
	}
	if d.job.After(*t, now, 0).Status.Final() {
		w.Severity = "ERROR"
	}
	r.Logger.Warn("delivery needs attention", "job", d.id, "event", d.job.EventID, "client", d.job.ClientID,
		"subscription", d.job.SubscriptionID, "status", t.Status, "error", t.Error)
	if r.Warnings != nil {
		r.Warnings.Warn(w)
	}
}
