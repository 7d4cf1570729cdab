// Package session knows the servers that fcctl speaks to and who the user is
// there: the file of contexts, a running `fcd dev`, the choice between them,
// and the tokens for the one that is chosen.
package session

import (
	"context"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/wire"
)

// Keeper keeps the sessions of one user.
type Keeper struct {
	// Env reads the environment.
	Env func(string) (string, bool)
	// Warn tells the user of something that is no error.
	Warn func(format string, args ...any)
	// Agent is the User-Agent of requests.
	Agent string
	// Wire is how requests travel.
	Wire wire.Options

	trusted map[string]string // by URL: the file of certificates of its context
	warned  bool              // of a server that is not verified
}

func (k *Keeper) env(name string) string {
	if v, ok := k.Env(name); ok {
		return v
	}
	return ""
}

// NewClient makes a client that is patient for a moment only: a person waits.
func (k *Keeper) NewClient(url string, source client.TokenSource) (*client.Client, error) {
	o := k.Wire
	if o.CAFile == "" {
		o.CAFile = k.trusted[bare(url)]
	}
	if o.Insecure && !k.warned {
		k.warned = true
		k.Warn("fcctl: --insecure-skip-verify: anybody on the way can read and change what is said, your token too. Better: --ca-file")
	}
	via, err := wire.Client(o)
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Options{URL: url, TokenSource: source, UserAgent: k.Agent, Retries: 2, HTTPClient: via})
	if err != nil {
		return nil, fault.Usage(strings.TrimPrefix(err.Error(), "new client: "), "--url https://events.example.com")
	}
	return c, nil
}

// Client makes a client for a target.
func (k *Keeper) Client(t *Target) (*client.Client, error) {
	source, err := k.Tokens(t)
	if err != nil {
		return nil, err
	}
	return k.NewClient(t.URL, source)
}

// Tokens is the source of tokens for a target; nil if there is none.
func (k *Keeper) Tokens(t *Target) (client.TokenSource, error) {
	if t.Token != "" {
		return client.StaticToken(t.Token), nil
	}
	plain, err := k.NewClient(t.URL, nil)
	if err != nil {
		return nil, err
	}
	switch {
	case t.ClientID != "":
		return &client.ClientCredentials{Client: plain, ClientID: t.ClientID, Secret: t.secret}, nil
	case t.Dev != nil:
		return &devTokens{client: plain, dev: t.Dev, token: t.Dev.AccessToken}, nil
	case t.Account != nil && t.Account.Session != nil:
		return &kept{k: k, client: plain, name: t.Name, url: t.Account.URL, session: *t.Account.Session}, nil
	}
	return nil, nil
}

// Glance makes a client for a quick look, such as for a shell that completes a
// word: it asks once and renews no session, which takes longer than somebody
// waits and must not be broken off. Without a token that is good it fails.
func (k *Keeper) Glance(ctx context.Context, t *Target) (*client.Client, error) {
	token := t.Token
	switch {
	case token != "":
	case t.ClientID != "":
		source, err := k.Tokens(t)
		if err != nil {
			return nil, err
		}
		if token, err = source.Token(ctx); err != nil {
			return nil, err
		}
	case t.Dev != nil:
		token = t.Dev.AccessToken
	case t.Account != nil && t.Account.Session != nil && t.Account.Session.good(""):
		token = t.Account.Session.AccessToken
	default:
		return nil, client.ErrSessionOver
	}
	return k.NewClient(t.URL, client.StaticToken(token))
}

// trust remembers which certificates the context of a URL is trusted by.
func (k *Keeper) trust(acct *Account) {
	if acct != nil && acct.CAFile != "" {
		if k.trusted == nil {
			k.trusted = map[string]string{}
		}
		k.trusted[bare(acct.URL)] = acct.CAFile
	}
}

// bare is a URL as two of them are compared.
func bare(url string) string { return strings.TrimRight(url, "/") }
