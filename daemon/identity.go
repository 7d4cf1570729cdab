package daemon

import (
	"context"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// identity is what tells who sends a request.
type identity struct {
	directory *iam.Cache
	passwords *auth.Passwords
	// The others are there only with a service platform.
	tokens    *auth.Tokens
	revoked   *iam.Revoked
	sessions  *iam.Sessions
	publicURL string
}

// openIdentity opens the sessions of a platform, and what was revoked.
func (d *Daemon) openIdentity(ctx context.Context, p *parts) (identity, error) {
	who := identity{directory: iam.NewCache(p.catalog), passwords: auth.NewPasswords(0)}
	if p.cfg.Platform == nil {
		return who, nil
	}
	keys, err := p.keys()
	if err != nil {
		return who, err
	}
	d.run("key rotation", auth.NewRotation(auth.RotationOptions{Keys: keys, After: p.cfg.Platform.RotateKeys, Logger: d.part("keys")}), nil)
	d.mu.Lock()
	l := d.listeners["platform"]
	d.mu.Unlock()
	if who.publicURL = p.cfg.Platform.PublicURL; who.publicURL == "" {
		who.publicURL = "http://" + reachable(l.addr())
	}
	if who.tokens, err = auth.NewTokens(keys, auth.TokenOptions{Issuer: who.publicURL}); err != nil {
		return who, err
	}
	if who.revoked, err = iam.OpenRevoked(ctx, p.store, d.part("iam"), time.Now); err != nil {
		return who, err
	}
	who.sessions = iam.NewSessions(iam.SessionOptions{Store: p.store, Directory: who.directory, Tokens: who.tokens, Revoked: who.revoked, Logger: d.part("iam")})
	d.run("identity", who.revoked, nil)
	return who, nil
}
