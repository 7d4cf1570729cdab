package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform/allowance"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// TrialType is the type of the event that a test of a connection sends where
// none is named.
const TrialType = "flowcatalyst:system:connection:test"

// trialsAMinute bounds how often one connection is tested. It is the receiver
// who has to be protected, so that it counts over all callers.
const trialsAMinute = 10

var trialLimits = allowance.Limits{General: allowance.Limit{PerSecond: trialsAMinute / 60.0, Burst: trialsAMinute}}

// Trial lets a caller test a connection that they may change. It is audited
// before anything is sent. The connection's secrets are open: it is for the
// router, and not for an answer.
func (p *Platform) Trial(ctx context.Context, c Caller, name, clientID, eventType string) (*resource.Connection, error) {
	if problem := resource.CheckEventType(eventType); problem != "" {
		return nil, invalidField("type", problem, TrialType)
	}
	info, _ := resource.InfoOf(resource.KindConnection)
	for try := range maxTries {
		w, err := p.currentWorld(ctx)
		if err != nil {
			return nil, err
		}
		r, err := w.lookup(c, info, name, clientID)
		if err != nil {
			return nil, err
		}
		if err := c.mayChange(info); err != nil {
			return nil, err
		}
		con := r.(*resource.Connection)
		if con.URL == "" {
			return nil, refuse(CodeConflict, "connection %s has no URL, so there is nowhere to send a test to", con.Code)
		}
		if try == 0 {
			if wait := p.trials.Take(p.now(), allowance.Use{ID: con.ID, Items: 1}); wait > 0 {
				refused := refuse(CodeTooMuch, "connection %s was tested %d times within a minute, which is the most; its receiver is left alone for now", con.Code, trialsAMinute)
				refused.RetryAfter = wait
				return nil, refused
			}
		}
		after, err := json.Marshal(map[string]string{"eventType": eventType, "url": con.URL})
		if err != nil {
			return nil, err
		}
		e := p.entry(c, entityName(con), con.ID, "TEST")
		e.ClientID, e.After = con.ClientID, after
		if done, err := p.note(ctx, w.version, e, try); err != nil {
			return nil, err
		} else if done {
			return con, nil
		}
	}
	return nil, refuse(CodeBusy, "too many changes at once; nothing was sent, try again")
}

// Note writes down that somebody did something that changes no resource. It
// comes before the deed.
func (p *Platform) Note(ctx context.Context, c Caller, entity, id, operation string) error {
	for try := range maxTries {
		cat, err := p.cache.Get(ctx)
		if err != nil {
			return err
		}
		if done, err := p.note(ctx, cat.Version, p.entry(c, entity, id, operation), try); err != nil || done {
			return err
		}
	}
	return refuse(CodeBusy, "too many changes at once; nothing was done, try again")
}

func (p *Platform) entry(c Caller, entity, id, operation string) store.AuditEntry {
	now := p.now()
	return store.AuditEntry{ID: p.ids.New(now), EntityType: entity, EntityID: id, Operation: operation, PrincipalID: c.PrincipalID, RequestID: c.RequestID, PerformedAt: now}
}

// note writes an audit entry alone. It is not done, and no error, if somebody
// else wrote in between.
func (p *Platform) note(ctx context.Context, version int64, e store.AuditEntry, try int) (done bool, err error) {
	_, err = p.st.Write(ctx, store.WriteSet{IfVersion: version, Audit: []store.AuditEntry{e}}, p.now())
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrConflict):
		return false, pause(ctx, try)
	}
	return false, fmt.Errorf("write audit entry: %w", err)
}
