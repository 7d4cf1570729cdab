package platform

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// How long a secret may sign on beside its successor, and how many may sign at
// once.
const (
	DefaultGrace = 24 * time.Hour
	maxGrace     = 7 * 24 * time.Hour
	maxAlive     = 4
)

// Rotation replaces a connection's signing secret.
type Rotation struct {
	// Secret is the new one; if empty, Make makes one that is of the kind of
	// the old one.
	Secret string
	Make   func(old string) (string, error)
	// Grace is how long the old one signs on; 0 ends it at once.
	Grace time.Duration
}

// Rotated is what a rotation did. The secret is its new one.
type Rotated struct {
	Connection *resource.Connection
	Warnings   []string
}

// Rotate gives a connection a new signing secret. The old one signs beside it
// until its grace ends, so that receivers can change over.
func (p *Platform) Rotate(ctx context.Context, c Caller, name, clientID string, ifRevision int64, r Rotation) (Rotated, error) {
	if r.Grace < 0 || r.Grace > maxGrace {
		return Rotated{}, invalidField("graceSeconds", fmt.Sprintf("must be from 0 to %d, which is seven days", int(maxGrace.Seconds())), "86400")
	}
	info, _ := resource.InfoOf(resource.KindConnection)
	ch, err := p.edit(ctx, c, info, name, clientID, ifRevision, "ROTATE_SECRET", func(before resource.Resource) (resource.Resource, error) {
		return rotated(before.(*resource.Connection), r, p.now())
	})
	if err != nil {
		return Rotated{}, err
	}
	return Rotated{ch.Resource.(*resource.Connection), ch.Warnings}, nil
}

// rotated is a connection after its rotation.
func rotated(before *resource.Connection, r Rotation, now time.Time) (*resource.Connection, error) {
	old := before.Signing.Secret
	if before.Signing.Scheme == resource.SchemeNone || old.IsZero() {
		return nil, refuse(CodeConflict, "connection %s does not sign, so there is no secret to rotate; give it a signing scheme first", before.Code)
	}
	next := r.Secret
	if next == "" {
		var err error
		if next, err = r.Make(old.Reveal()); err != nil {
			return nil, fmt.Errorf("make a signing secret: %w", err)
		}
	}
	after := *before
	after.Signing.Secret = resource.NewSecret(next)
	if after.Signing.Secret.Equal(old) {
		return nil, invalidField("secret", "is the one that signs already", "leave it out, and one is made")
	}
	// Not nil: an update that does not speak of overlaps would keep them.
	after.Signing.Previous = slices.DeleteFunc(append([]resource.PreviousSecret{}, before.Signing.Alive(now)...), func(s resource.PreviousSecret) bool {
		return s.Secret.Equal(after.Signing.Secret)
	})
	if r.Grace == 0 {
		return &after, nil
	}
	if alive := after.Signing.Previous; len(alive)+2 > maxAlive {
		return nil, refuse(CodeConflict, "connection %s has %d secrets that sign already, and %d is the most; the first of them ends at %s. A grace of 0 is possible at any time",
			before.Code, len(alive)+1, maxAlive, alive[0].Until.UTC().Format(time.RFC3339))
	}
	after.Signing.Previous = append(after.Signing.Previous, resource.PreviousSecret{Secret: old, Until: now.Add(r.Grace).UTC().Truncate(time.Millisecond)})
	return &after, nil
}
