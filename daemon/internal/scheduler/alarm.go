package scheduler

import (
	"context"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

const (
	// blockedLong is for how long an order key is blocked before it is warned
	// about, blockedAgain how often the warning is repeated.
	blockedLong  = 15 * time.Minute
	blockedAgain = time.Hour
	// blockedMost is how many keys are warned about by name, those first that
	// are blocked longest.
	blockedMost = 100
	// blockedLook is how often blocked keys are looked for.
	blockedLook = time.Minute
)

// Warnings takes warnings. Warn must not block; the sink bounds what it keeps.
type Warnings interface{ Warn(telemetry.Warning) }

// CategoryBlocked is that of warnings about order keys that stay blocked.
const CategoryBlocked = "BLOCKED_GROUP"

// alarm remembers which blocked keys it warned about, and when.
type alarm struct {
	keys   map[flow.OrderKey]time.Time
	looked time.Time
}

func newAlarm() alarm { return alarm{keys: map[flow.OrderKey]time.Time{}} }

// warnOfBlocked logs a warning for each order key that is blocked for long.
func (s *Scheduler) warnOfBlocked(ctx context.Context, st store.Stats, now time.Time) error {
	a := &s.alarm
	long := now.Add(-blockedLong)
	if st.OldestBlocked.IsZero() || st.OldestBlocked.After(long) || now.Sub(a.looked) < blockedLook {
		return nil
	}
	p, err := s.o.Store.Blocked(ctx, store.Everything, store.GateQuery{Limit: blockedMost})
	if err != nil {
		return err
	}
	a.looked = now
	for key, at := range a.keys {
		if now.Sub(at) >= blockedAgain {
			delete(a.keys, key)
		}
	}
	for i := range p.Gates {
		g := &p.Gates[i]
		if _, warned := a.keys[g.Key]; warned || g.BlockedSince.After(long) || len(a.keys) >= 10*blockedMost {
			continue
		}
		a.keys[g.Key] = now
		if s.o.Warnings != nil {
			s.o.Warnings.Warn(telemetry.Warning{
				Category: CategoryBlocked, Severity: telemetry.Warn, Source: "group " + g.Key.String(), ClientID: g.ClientID, Key: "blocked", At: now,
				Message: fmt.Sprintf("a dead letter has blocked group %q for %s, and %d wait behind it; retry or skip it: fcctl groups list",
					g.MessageGroup, now.Sub(g.BlockedSince).Round(time.Minute), g.Waiting),
			})
		}
		s.o.Logger.Warn("an order key is blocked by a dead letter; retry or skip its head, or cancel those that wait",
			"order_key", g.Key.String(), "group", g.MessageGroup, "lane", g.Lane, "client", g.ClientID, "head", g.Holder.String(),
			"blocked_for", now.Sub(g.BlockedSince).Round(time.Second).String(), "waiting", g.Waiting, "blocked_keys", st.BlockedKeys)
	}
	return nil
}
