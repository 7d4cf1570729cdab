package platform

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

var oauthKind, _ = resource.InfoOf(resource.KindOAuthClient)

// NewAccount is a service account that was made, with what is shown once.
type NewAccount struct {
	Account       *resource.ServiceAccount
	Token         string
	SigningSecret string
	Warnings      []string
}

// CreateServiceAccount makes a service account with a token. If its body says
// nothing of webhook credentials it signs with a secret of its own.
func (p *Platform) CreateServiceAccount(ctx context.Context, c Caller, body []byte) (NewAccount, error) {
	f, err := readFields(resource.KindServiceAccount, body)
	if err != nil {
		return NewAccount{}, err
	}
	var made NewAccount
	if _, given := f["webhookCredentials"]; !given {
		made.SigningSecret = newSigningSecret()
		f["webhookCredentials"], _ = json.Marshal(map[string]string{"authType": "HMAC_SIGNATURE", "signingSecret": made.SigningSecret})
	}
	ch, err := p.create(ctx, c, accountKind, f, func(d *draft, r resource.Resource) error {
		var err error
		made.Token, _, err = d.issueToken(r, "first", 0)
		return err
	})
	if err != nil {
		return NewAccount{}, err
	}
	made.Account, made.Warnings = ch.Resource.(*resource.ServiceAccount), ch.Warnings
	return made, nil
}

// newSigningSecret is 32 random bytes in base64url, as receivers expect it.
func newSigningSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// RegenerateToken ends all tokens of a service account and makes a new one.
func (p *Platform) RegenerateToken(ctx context.Context, c Caller, account string) (string, iam.HashedSecret, error) {
	var token string
	var kept iam.HashedSecret
	_, err := p.change(ctx, c, false, func(d *draft) error {
		r, err := d.machine(c, accountKind, account)
		if err != nil {
			return err
		}
		token, kept = iam.NewToken(d.ids("tok"), "first", d.now, time.Time{})
		return d.credential(r, "REGENERATE_TOKEN", func(cr *iam.Credential) { cr.Tokens = []iam.HashedSecret{kept} })
	})
	return token, kept, err
}

// RegenerateSigningSecret gives the webhook credentials of a service account a
// new secret to sign with, which is shown once.
func (p *Platform) RegenerateSigningSecret(ctx context.Context, c Caller, account string) (string, error) {
	secret := newSigningSecret()
	_, err := p.edit(ctx, c, accountKind, account, "", 0, "ROTATE_SECRET", func(before resource.Resource) (resource.Resource, error) {
		a := *before.(*resource.ServiceAccount)
		w := resource.WebhookCredentials{AuthType: "HMAC_SIGNATURE"}
		if a.Webhook != nil {
			w = *a.Webhook
		}
		w.SigningSecret = resource.NewSecret(secret)
		a.Webhook = &w
		return &a, nil
	})
	return secret, err
}

// CreateOAuthClient makes an OAuth client. A confidential one gets a secret,
// which is shown once.
func (p *Platform) CreateOAuthClient(ctx context.Context, c Caller, body []byte) (Changed, string, error) {
	f, err := readFields(resource.KindOAuthClient, body)
	if err != nil {
		return Changed{}, "", err
	}
	secret := ""
	ch, err := p.create(ctx, c, oauthKind, f, func(d *draft, r resource.Resource) error {
		secret = ""
		if r.(*resource.OAuthClient).Type != resource.OAuthConfidential {
			return nil
		}
		var err error
		secret, err = d.newSecret(r, 0)
		return err
	})
	return ch, secret, err
}

// Provisioned is the service account of an application with its OAuth client.
type Provisioned struct {
	Account *resource.ServiceAccount
	Client  *resource.OAuthClient
	Secret  string // shown once; empty in what was there already
}

// ProvisionServiceAccount makes the service account of an application, and
// the OAuth client by which it gets its tokens.
func (p *Platform) ProvisionServiceAccount(ctx context.Context, c Caller, application string) (Provisioned, error) {
	var made Provisioned
	_, err := p.change(ctx, c, false, func(d *draft) error {
		made = Provisioned{}
		if !c.Scope.All {
			return refuse(CodeForbidden, "only who reaches every client provisions service accounts of applications")
		}
		for _, permission := range []string{accountKind.May("create"), oauthKind.May("create")} {
			if !c.may(permission) {
				return refuse(CodeForbidden, "this needs the permission %s", permission)
			}
		}
		r, err := d.lookup(c, applicationKind, application, "")
		if err != nil {
			return err
		}
		app := r.(*resource.Application)
		if app.ServiceAccountID != "" {
			return refuse(CodeExists, "the application has a service account already; its secret can be rotated")
		}
		code := app.Code + "-service"
		if d.account(code) != nil || d.find(worldKey{resource.KindOAuthClient, "", code}) != nil {
			return refuse(CodeExists, "a service account or an OAuth client %s exists already", code)
		}
		name := app.Name + " service"
		made.Account = &resource.ServiceAccount{Meta: resource.Meta{Source: "API"}, Code: code, Name: name, ApplicationID: app.ID,
			ClientIDs: []string{auth.EveryClient}, Roles: []string{auth.RoleApplicationService}}
		d.add(made.Account, "CREATE")
		made.Client = &resource.OAuthClient{Meta: resource.Meta{Source: "API"}, OAuthID: code, Name: name, Type: resource.OAuthConfidential,
			GrantTypes: []string{resource.GrantClientCredentials}, ApplicationIDs: []string{app.ID}, ServiceAccountID: made.Account.ID}
		d.add(made.Client, "CREATE")
		if made.Secret, err = d.newSecret(made.Client, 0); err != nil {
			return fmt.Errorf("make a client secret: %w", err)
		}
		next := *app
		next.ServiceAccountID = made.Account.ID
		d.update(app, &next, "PROVISION")
		return nil
	})
	return made, err
}

// ServiceAccountOf is the service account of an application and its OAuth
// client, which may be nil.
func (p *Platform) ServiceAccountOf(ctx context.Context, c Caller, application string) (Provisioned, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return Provisioned{}, err
	}
	r, err := w.lookup(c, applicationKind, application, "")
	if err != nil {
		return Provisioned{}, err
	}
	a, _ := w.byID[r.(*resource.Application).ServiceAccountID].(*resource.ServiceAccount)
	if a == nil || !c.sees(a) {
		return Provisioned{}, refuse(CodeNotFound, "the application has no service account; POST here makes one")
	}
	got := Provisioned{Account: a}
	for _, o := range w.sorted[resource.KindOAuthClient] {
		if o := o.(*resource.OAuthClient); o.ServiceAccountID == a.ID && c.Scope.All {
			got.Client = o
			break
		}
	}
	return got, nil
}
