package router

import (
	"fmt"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// Warning is something that a person should look at.
type Warning = telemetry.Warning

// The categories of warnings.
const (
	CategoryConfiguration = "CONFIGURATION" // an answer that says that something is set up wrongly
	CategoryGone          = "GONE"          // an endpoint that says it is gone; its subscription was paused
	CategoryBreaker       = "BREAKER"       // an endpoint is not called because it fails
	CategoryDeadLetter    = "DEAD_LETTER"   // a message nobody could use
	CategoryPanic         = "PANIC"         // a failure of the router itself, contained to one delivery
	CategoryStore         = "STORE"         // what came of exchanges can not be written down
)

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

// warn says once a minute for each client, subscription and answer what is
// wrong.
func (r *Router) warn(d *delivery) {
	r.meters.warnings.Inc()
	t := &d.attempt
	source := d.job.SubscriptionID
	if source == "" {
		source = d.job.Lane
	}
	now := r.Now()
	key := fmt.Sprintf("%d %s", t.Status, t.ErrorType)
	if !r.alarms.due(d.job.ClientID+" "+source+" "+key, now) {
		return
	}
	w := Warning{Category: CategoryConfiguration, Severity: telemetry.Warn, Source: source, ClientID: d.job.ClientID, Key: key, At: now,
		Message: fmt.Sprintf("job %s: %s", d.id, t.Error)}
	if t.PauseSubject {
		w.Category = CategoryGone
	}
	if d.job.After(*t, now, 0).Status.Final() {
		w.Severity = telemetry.Error
	}
	r.Logger.Warn("delivery needs attention", "job", d.id, "event", d.job.EventID, "client", d.job.ClientID,
		"subscription", d.job.SubscriptionID, "status", t.Status, "error", t.Error)
	r.alert(w)
}

// alertOf passes a warning about an endpoint on, as what operators know it by.
func (r *Router) alertOf(w Warning) {
	if cat := r.catalog.Load(); cat != nil {
		if c := cat.Connections[w.Source]; c != nil {
			w.Source, w.ClientID = "connection "+c.Code, c.ClientID
		}
	}
	r.alert(w)
}

// alert passes a warning on, if somebody wants it.
func (r *Router) alert(w Warning) {
	if r.Warnings != nil {
		r.Warnings.Warn(w)
	}
}
