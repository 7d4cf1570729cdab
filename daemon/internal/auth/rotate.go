package auth

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// RotationOptions shape a Rotation. Keys is required.
type RotationOptions struct {
	Keys *Keys
	// After is how old a key becomes before the next one signs; 0 is as old
	// as it likes.
	After  time.Duration
	Logger *slog.Logger
	Now    func() time.Time
}

// Rotation replaces signing keys as they age. It is a service.
//
//	made ──ahead──▶ signs ──After──▶ verifies ──keptAfter──▶ gone
//
// A key is in the key set before it signs, so that every process that shares
// the directory, and everybody who keeps a copy of the set, knows it by then.
// Keys of somebody's own making are theirs: while one of them signs nothing is
// made, and they are never taken away.
type Rotation struct{ o RotationOptions }

const (
	// ahead is how long before it signs a key is made, at most; a key that
	// lives for less than four days has a quarter of its life.
	ahead = 24 * time.Hour
	// keptAfter is how long a key verifies after it has stopped signing. No
	// token lives that long.
	keptAfter = 24 * time.Hour
	// lookEvery is how often the directory is read, for the keys of others.
	lookEvery = 10 * time.Minute
)

// NewRotation makes the service.
func NewRotation(o RotationOptions) *Rotation {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Rotation{o}
}

// Run looks after the keys until ctx ends.
func (r *Rotation) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := r.look(); err != nil {
			r.o.Logger.Error("signing keys can not be looked after; those in use stay", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look reads the directory and does what is due.
func (r *Rotation) look() error {
	if err := r.o.Keys.Reload(); err != nil {
		return fmt.Errorf("reload signing keys: %w", err)
	}
	if r.o.After <= 0 {
		return nil
	}
	now := r.o.Now()
	before := min(ahead, r.o.After/4)
	newest, signs := r.o.Keys.newest(), r.o.Keys.signing(now)
	switch {
	case signs.from.IsZero(), newest.from.IsZero():
	case now.Before(newest.from.Add(r.o.After - before)):
	default:
		from := now.Add(before)
		if err := r.o.Keys.Rotate(from); err != nil {
			return err
		}
		r.o.Logger.Info("made the next signing key", "signs_from", from.UTC().Truncate(time.Second))
	}
	return r.o.Keys.Prune(now, keptAfter)
}

func (k *Keys) newest() *signingKey {
	keys := k.set.Load().keys
	return keys[len(keys)-1]
}
