package platform

import (
	"context"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

var (
	serviceAccounts, _ = resource.InfoOf(resource.KindServiceAccount)
	oauthClients, _    = resource.InfoOf(resource.KindOAuthClient)
)

// maxTokens is how many tokens one service account has at once.
const maxTokens = 50

// IssueServiceToken makes a token for the service account of an id or code. It
// is shown once. With a life of 0 it does not end.
func (p *Platform) IssueServiceToken(ctx context.Context, c Caller, account, tokenName string, life time.Duration) (token string, kept iam.HashedSecret, err error) {
	if len(tokenName) > 100 {
		return "", kept, invalidField("name", "is longer than 100 characters", "a shorter name")
	}
	_, err = p.change(ctx, c, false, func(d *draft) error {
		r, err := d.machine(c, serviceAccounts, account)
		if err != nil {
			return err
		}
		token, kept, err = d.issueToken(r, tokenName, life)
		return err
	})
	return token, kept, err
}

// machine is a service account or an OAuth client that the caller may hand
// out the secrets of.
func (d *draft) machine(c Caller, info resource.KindInfo, name string) (resource.Resource, error) {
	r, err := d.lookup(c, info, name, "")
	if err != nil {
		return nil, err
	}
	if err := c.mayChange(info); err != nil {
		return nil, err
	}
	of := r
	if o, is := r.(*resource.OAuthClient); is {
		a := d.dir.ServiceAccount(o.ServiceAccountID)
		if a == nil {
			return r, nil // it speaks for nobody but its users
		}
		of = a
	}
	return r, d.mayActFor(of)
}

// issueToken drafts a token of a service account.
func (d *draft) issueToken(of resource.Resource, name string, life time.Duration) (token string, kept iam.HashedSecret, err error) {
	ends := time.Time{}
	if life > 0 {
		ends = d.now.Add(life)
	}
	token, kept = iam.NewToken(d.ids("tok"), name, d.now, ends)
	full := false
	err = d.credential(of, "ISSUE_TOKEN", func(c *iam.Credential) {
		c.Tokens = slices.DeleteFunc(slices.Clone(c.Tokens), func(t iam.HashedSecret) bool { return !t.Good(d.now) })
		if full = len(c.Tokens) >= maxTokens; !full {
			c.Tokens = append(c.Tokens, kept)
		}
	})
	if full {
		err = refuse(CodeConflict, "the service account has %d tokens; revoke one first", maxTokens)
	}
	return token, kept, err
}

// ServiceTokens are the tokens of a service account that have not ended,
// without their hashes.
func (p *Platform) ServiceTokens(ctx context.Context, c Caller, account string) ([]iam.HashedSecret, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	r, err := w.lookup(c, serviceAccounts, account, "")
	if err != nil {
		return nil, err
	}
	cred, err := w.dir.Credential(r.Base().ID)
	if err != nil {
		return nil, err
	}
	tokens := []iam.HashedSecret{}
	for _, t := range cred.Tokens {
		if t.Good(p.now()) {
			t.Hash = ""
			tokens = append(tokens, t)
		}
	}
	return tokens, nil
}

// RevokeServiceToken ends a token of a service account at once. An empty id is
// all of them.
func (p *Platform) RevokeServiceToken(ctx context.Context, c Caller, account, tokenID string) error {
	_, err := p.change(ctx, c, false, func(d *draft) error {
		r, err := d.machine(c, serviceAccounts, account)
		if err != nil {
			return err
		}
		found := false
		err = d.credential(r, "REVOKE_TOKEN", func(cred *iam.Credential) {
			cred.Tokens = slices.DeleteFunc(slices.Clone(cred.Tokens), func(t iam.HashedSecret) bool {
				gone := tokenID == "" || t.ID == tokenID
				found = found || gone
				return gone
			})
		})
		if err == nil && !found && tokenID != "" {
			return refuse(CodeNotFound, "the service account has no token with this id")
		}
		return err
	})
	return err
}

// maxOverlap bounds for how long a replaced secret stays good.
const maxOverlap = 30 * 24 * time.Hour

// RotateClientSecret gives an OAuth client a new secret, which is shown once.
// The old ones stay good for the overlap, or end at once with 0.
func (p *Platform) RotateClientSecret(ctx context.Context, c Caller, client string, overlap time.Duration) (secret string, err error) {
	if overlap < 0 || overlap > maxOverlap {
		return "", invalidField("overlap", "must be from 0 to 30 days", "24h")
	}
	_, err = p.change(ctx, c, false, func(d *draft) error {
		r, err := d.machine(c, oauthClients, client)
		if err != nil {
			return err
		}
		if r.(*resource.OAuthClient).Type != resource.OAuthConfidential {
			return refuse(CodeInvalid, "a public client has no secret")
		}
		secret, err = d.newSecret(r, overlap)
		return err
	})
	return secret, err
}

// newSecret drafts a new secret of an OAuth client.
func (d *draft) newSecret(of resource.Resource, overlap time.Duration) (secret string, err error) {
	secret, kept := iam.NewSecret(d.ids("sec"), d.now)
	return secret, d.credential(of, "ROTATE_SECRET", func(c *iam.Credential) {
		var still []iam.HashedSecret
		end := d.now.Add(overlap)
		for _, old := range c.Secrets {
			if old.ExpiresAt.IsZero() || old.ExpiresAt.After(end) {
				old.ExpiresAt = end
			}
			if old.Good(d.now) {
				still = append(still, old)
			}
		}
		c.Secrets = append(still, kept)
	})
}
