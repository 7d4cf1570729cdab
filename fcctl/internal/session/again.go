package session

import (
	"context"
	"time"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// SignInAgain begins a new session in a context whose last one has ended, with
// the password of the same account. Clients made before go on with it.
func (k *Keeper) SignInAgain(ctx context.Context, name, password string) error {
	cs, err := k.Contexts()
	if err != nil {
		return err
	}
	acct := cs.Contexts[name]
	if acct == nil || acct.Email == "" {
		return fault.New(fault.Refused, "fcctl login", "context %q has no account with a password", name)
	}
	plain, err := k.NewClient(acct.URL, nil)
	if err != nil {
		return err
	}
	s, err := plain.Login(ctx, acct.Email, password)
	if err != nil {
		return err
	}
	return k.Change(ctx, func(f *File) error {
		if a := f.Contexts[name]; a != nil && a.URL == acct.URL && a.Email == acct.Email {
			a.Session = StoredOf(*s, time.Now())
		}
		return nil
	})
}
