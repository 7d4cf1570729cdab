package signin

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/mail"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// A link of a password reset lives like this:
//
//	newest ──used──▶ gone
//	   ╰──an hour, a newer one, another password or email, deactivated──▶ gone
//
// What is in the store is its hash, whom it is for, the address that it was
// sent to, and which password they had then. The last is what lets it be used
// once: the new password is written only over that one, in the same commit.
const spaceReset = "password-reset"

// ResetLife is how long such a link is good for.
const ResetLife = time.Hour

// ResetPath is the page that the link leads to.
const ResetPath = "/auth/password-reset"

// maxEmail is the longest address that mail can be sent to.
const maxEmail = 254

// RequestReset has a link sent to whoever has this email, if somebody has. It
// looks only afterwards: what it returns is about how often somebody asked,
// and takes as long whoever it is.
func (s *Service) RequestReset(email, address string) error {
	email = strings.TrimSpace(email)
	if email == "" || len(email) > maxEmail {
		return platform.Invalid("the request has a field that can not be accepted", resource.Problem{Field: "email", Detail: "must be an email address", Try: "ada@example.com"})
	}
	now := s.o.Now()
	if wait, ok := s.asking.Address(address, now); !ok {
		return tooMany(wait, "too many password resets were asked for; try again later")
	}
	if wait, ok := s.mailing.Email(email, now); !ok {
		return tooMany(wait, "too many password resets were asked for; try again later")
	}
	s.post(func(ctx context.Context) (mail.Message, error) {
		d, err := s.o.Directory.Get(ctx)
		if err != nil {
			return mail.Message{}, err
		}
		return s.resetMail(ctx, d, d.ByEmail(email), "Somebody, hopefully you, asked for it.")
	})
	return nil
}

// SendReset has a link sent to somebody on behalf of an administrator.
func (s *Service) SendReset(ctx context.Context, c platform.Caller, name string) error {
	who, err := s.o.Platform.NoteReset(ctx, c, name)
	if err != nil {
		return err
	}
	if wait, ok := s.mailing.Email(who.Email, s.o.Now()); !ok {
		return tooMany(wait, "they got several such messages just now; try again later")
	}
	taken := s.post(func(ctx context.Context) (mail.Message, error) {
		d, err := s.o.Directory.Get(ctx)
		if err != nil {
			return mail.Message{}, err
		}
		return s.resetMail(ctx, d, d.Subject(who.ID), "An administrator had this message sent to you.")
	})
	if !taken {
		return &platform.Error{Code: platform.CodeBusy, Detail: "too many messages wait to be sent; try again later"}
	}
	return nil
}

func (s *Service) post(compose func(context.Context) (mail.Message, error)) bool {
	return s.o.Mail != nil && s.o.Mail.Post(compose)
}

// resetMail is the message for somebody, with a new link.
func (s *Service) resetMail(ctx context.Context, d *iam.Directory, sub *iam.Subject, why string) (mail.Message, error) {
	if sub == nil || sub.Person == nil || !sub.Active || sub.Email == "" {
		return mail.Message{}, mail.ErrNothing
	}
	if d.Provider(sub.Person) != resource.IdpInternal {
		return mail.Message{To: sub.Email, Subject: "Your FlowCatalyst account has no password",
			Text: fmt.Sprintf("Hello,\n\na new password was asked for at %s. You have none there: you sign in with the account of your organisation, and change its password where you got it.\n\nIf it was not you who asked, there is nothing to do.\n", s.o.PublicURL)}, nil
	}
	kept, err := d.Credential(sub.ID)
	if err != nil {
		return mail.Message{}, err
	}
	token, err := s.newLink(ctx, spaceReset, sub.ID, link{PrincipalID: sub.ID, Email: sub.Email, PasswordSetAt: kept.PasswordSetAt}, ResetLife)
	if err != nil {
		return mail.Message{}, err
	}
	s.o.Logger.Info("made the link of a password reset", "principal", sub.ID)
	return mail.Message{To: sub.Email, Private: true, Subject: "Choose a new password for FlowCatalyst",
		Text: fmt.Sprintf("Hello,\n\nwith this link you choose a new password for %s:\n\n%s\n\nIt works once, and for one hour. %s If you do not want a new password, do nothing: the one that you have stays.\n",
			s.o.PublicURL, s.o.PublicURL+ResetPath+"?token="+url.QueryEscape(token), why)}, nil
}

// Reset is what a link is good for.
type Reset struct {
	Email     string
	ExpiresAt time.Time
}

// CheckReset says whom a link is for, without using it.
func (s *Service) CheckReset(ctx context.Context, token, address string) (Reset, error) {
	if err := s.tryLink(address); err != nil {
		return Reset{}, err
	}
	l, e, err := s.readLink(ctx, spaceReset, token)
	if err != nil {
		return Reset{}, err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return Reset{}, err
	}
	sub := d.Subject(l.PrincipalID)
	if sub == nil || sub.Person == nil || d.Provider(sub.Person) != resource.IdpInternal {
		return Reset{}, badLink()
	}
	kept, err := d.Credential(sub.ID)
	if err == nil {
		err = l.fits(sub.Person, kept)
	}
	return Reset{Email: sub.Email, ExpiresAt: e.ExpiresAt}, err
}

// Reset gives who has the link another password, and ends their sessions. A
// password that is refused leaves the link good.
func (s *Service) Reset(ctx context.Context, requestID, token, password, address string) error {
	r, err := s.CheckReset(ctx, token, address)
	if err != nil {
		return err
	}
	// Before a hash is worked out, so that only passwords that can be taken
	// cost one.
	if problem := auth.PasswordProblem(password, false, r.Email); problem != "" {
		return platform.Invalid("the request has a field that can not be accepted", resource.Problem{Field: "password", Detail: problem, Try: "a few words that have nothing to do with one another"})
	}
	l, e, err := s.readLink(ctx, spaceReset, token)
	if err != nil {
		return err
	}
	// Who has the link is its owner with all that they have.
	c := platform.Caller{PrincipalID: l.PrincipalID, RequestID: requestID, Scope: store.Everything, May: func(string) bool { return true }}
	if err := s.o.Platform.SetPassword(ctx, c, l.PrincipalID, platform.NewPassword{Password: password, Operation: "RESET_PASSWORD", If: l.fits}); err != nil {
		return err
	}
	if err := s.spend(ctx, e); err != nil {
		s.o.Logger.Info("the link of a password reset is still kept; with the new password it is good for nothing", "error", err)
	}
	s.o.Logger.Info("a password was reset by a link", "principal", l.PrincipalID, "address", address)
	return nil
}

func (s *Service) tryLink(address string) error {
	if wait, ok := s.using.Address(address, s.o.Now()); !ok {
		return tooMany(wait, "too many tries; try again later")
	}
	return nil
}

// fits says whether the link is still for somebody as they are.
func (l link) fits(who *resource.Principal, kept iam.Credential) error {
	if !who.IsActive() || who.Email != l.Email || !kept.PasswordSetAt.Equal(l.PasswordSetAt) {
		return badLink()
	}
	return nil
}
