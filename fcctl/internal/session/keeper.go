// Package session knows the servers that fcctl speaks to and who the user is
// there: the file of contexts, a running `fcd dev`, the choice between them,
// and the tokens for the one that is chosen.
package session

import (
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// Keeper keeps the sessions of one user.
type Keeper struct {
	// Env reads the environment.
	Env func(string) (string, bool)
	// Warn tells the user of something that is no error.
	Warn func(format string, args ...any)
	// Agent is the User-Agent of requests.
	Agent string
}

func (k *Keeper) env(name string) string {
	v, _ := k.Env(name)
	return v
}

// NewClient makes a client that is patient for a moment only: a person waits.
func (k *Keeper) NewClient(url string, source client.TokenSource) (*client.Client, error) {
	c, err := client.New(client.Options{URL: url, TokenSource: source, UserAgent: k.Agent, Retries: 2})
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
	case t.Dev != nil:
		return &devTokens{client: plain, dev: t.Dev, token: t.Dev.AccessToken}, nil
	case t.Account != nil && t.Account.Session != nil:
		s := t.Account.Session
		source := client.NewSessions(plain, client.Session{AccessToken: s.AccessToken, RefreshToken: s.RefreshToken}, s.Expires)
		source.Changed = func(fresh client.Session) error { return k.keep(t.Name, fresh) }
		return source, nil
	}
	return nil, nil
}

// keep writes a refreshed session into its context. The file is read again
// first: another fcctl may have changed it.
func (k *Keeper) keep(name string, s client.Session) error {
	cs, err := k.Contexts()
	if err != nil {
		return err
	}
	acct := cs.Contexts[name]
	if acct == nil {
		return nil // forgotten in between; so be it
	}
	acct.Session = StoredOf(s, time.Now())
	return cs.Save()
}
