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
		now := p.now()
		_, err = p.st.Write(ctx, store.WriteSet{IfVersion: w.version, Audit: []store.AuditEntry{{
			ID: p.ids.New(now), EntityType: entityName(con), EntityID: con.ID, Operation: "TEST", After: after,
			PrincipalID: c.PrincipalID, ClientID: con.ClientID, RequestID: c.RequestID, PerformedAt: now,
		}}}, now)
		if err == nil {
			return con, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("write audit entry: %w", err)
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
	return nil, refuse(CodeBusy, "too many changes at once; nothing was sent, try again")
}
