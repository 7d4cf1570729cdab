package platform

import (
	"context"
	"errors"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// NewPassword is a password that somebody is to have.
type NewPassword struct {
	Password string
	// Lax leaves its quality to the caller: 8 characters will do.
	Lax bool
	// Keep is a session that goes on; all others end.
	Keep string
	// Operation is what the audit calls it; empty is SET_PASSWORD.
	Operation string
	// If refuses it, as things stand when it is written; nil never does.
	If func(who *resource.Principal, kept iam.Credential) error
}

// SetPassword gives the principal of an id or email a new password and ends
// their sessions. Whoever sets another's must have all that they have.
func (p *Platform) SetPassword(ctx context.Context, c Caller, name string, n NewPassword) error {
	hash, err := p.hash(ctx, n)
	if err != nil {
		return err
	}
	if n.Operation == "" {
		n.Operation = "SET_PASSWORD"
	}
	var who *resource.Principal
	d, err := p.change(ctx, c, false, func(d *draft) error {
		r, err := d.lookup(c, personKind, name, "")
		if err != nil {
			return err
		}
		who = r.(*resource.Principal)
		if err := d.mayActFor(who); err != nil {
			return err
		}
		if n.If != nil {
			kept, err := d.dir.Credential(who.ID)
			if err == nil {
				err = n.If(who, kept)
			}
			if err != nil {
				return err
			}
		}
		return d.setPassword(who, hash, n)
	})
	if err != nil || p.sessions == nil {
		return err
	}
	_, err = p.sessions.EndAll(ctx, who.ID, n.Keep)
	if n.Keep != "" {
		err = errors.Join(err, p.sessions.Keep(ctx, n.Keep, d.now))
	}
	return err
}

// hash checks what is wrong with a password whoever has it, and hashes it.
func (p *Platform) hash(ctx context.Context, n NewPassword) (string, error) {
	if problem := auth.PasswordProblem(n.Password, n.Lax); problem != "" {
		return "", invalidField("password", problem, "a few words that have nothing to do with one another")
	}
	return p.passwords.Hash(ctx, n.Password)
}

// setPassword drafts a password; the hash is of it.
func (d *draft) setPassword(who *resource.Principal, hash string, n NewPassword) error {
	if d.dir.Provider(who) != resource.IdpInternal {
		return refuse(CodeInvalid, "they sign in through an identity provider and have no password here")
	}
	local, _, _ := strings.Cut(who.Email, "@")
	if problem := auth.PasswordProblem(n.Password, n.Lax, who.Email, local, who.Name); problem != "" {
		return invalidField("password", problem, "a few words that have nothing to do with one another")
	}
	return d.credential(who, n.Operation, func(c *iam.Credential) {
		c.PasswordHash, c.PasswordSetAt = hash, d.now
	})
}

// NoteReset finds whom a caller wants to send the link of a password reset,
// and puts it into the audit. It asks for as much as setting the password does:
// the link goes to its owner, but their sessions and their password are theirs
// to end.
func (p *Platform) NoteReset(ctx context.Context, c Caller, name string) (*resource.Principal, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	_, r, err := w.principal(c, name, "update")
	if err != nil {
		return nil, err
	}
	if _, is := r.(*resource.ServiceAccount); is {
		return nil, refuse(CodeInvalid, "a service account has no password")
	}
	var who *resource.Principal
	_, err = p.change(ctx, c, false, func(d *draft) error {
		r, err := d.lookup(c, personKind, name, "")
		if err != nil {
			return err
		}
		who = r.(*resource.Principal)
		if err := d.mayActFor(who); err != nil {
			return err
		}
		switch {
		case d.dir.Provider(who) != resource.IdpInternal:
			return refuse(CodeInvalid, "they sign in through an identity provider and have no password here")
		case !who.IsActive():
			return refuse(CodeInvalid, "they are not active; activate them first")
		}
		return d.credential(who, "SEND_PASSWORD_RESET", func(*iam.Credential) {})
	})
	if err != nil {
		return nil, err
	}
	return who, nil
}
