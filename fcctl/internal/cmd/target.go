package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/flowcatalyst/fc/client"
	"github.com/urfave/cli/v2"
)

// devContext is the name of the built-in context of a running `fcd dev`.
const devContext = "dev"

// target is the server that a command speaks to, and why that one.
type target struct {
	url    string
	origin string // "--url", "FCCTL_URL", `context "prod"`, "a running fcd dev"
	name   string // of the context, if it is one
	token  string // given by flag or environment
	acct   *account
	dev    *devFile
	file   *contexts
}

// devFile is what a running `fcd dev` leaves for the same user.
type devFile struct {
	URL         string `json:"url"`
	RouterURL   string `json:"routerUrl"`
	AdminURL    string `json:"adminUrl"`
	Email       string `json:"email"`
	Password    string `json:"password"`
	AccessToken string `json:"accessToken"`
}

// devPath is where `fcd dev` says that it runs (XDG Base Directory).
func (a *App) devPath() (string, error) {
	dir := a.env("XDG_STATE_HOME")
	if dir == "" {
		home, err := a.home()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "flowcatalyst", "dev.json"), nil
}

// running reads that file; nil if there is none.
func (a *App) running() (*devFile, error) {
	path, err := a.devPath()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a running fcd dev: %w", err)
	}
	d := new(devFile)
	if err := json.Unmarshal(b, d); err != nil || d.URL == "" {
		return nil, fail(exitError, "fcd dev, which writes it anew", "%s is damaged", path)
	}
	return d, nil
}

// target finds the server: flags, then the environment, then the current
// context, then a running `fcd dev`. A session goes only to the server that it
// belongs to.
func (a *App) target(c *cli.Context) (*target, error) {
	cs, err := a.contexts()
	if err != nil {
		return nil, err
	}
	t := &target{file: cs, token: c.String("token")}
	if t.token == "" {
		t.token = a.env("FCCTL_TOKEN")
	}
	var name string
	switch {
	case c.String("url") != "":
		t.url, t.origin = c.String("url"), "--url"
	case c.String("context") != "":
		name = c.String("context")
	case a.env("FCCTL_URL") != "":
		t.url, t.origin = a.env("FCCTL_URL"), "FCCTL_URL"
	case a.env("FCCTL_CONTEXT") != "":
		name = a.env("FCCTL_CONTEXT")
	default:
		name = cs.Current
	}
	if t.url != "" {
		return t, a.recognise(t)
	}
	if acct := cs.Contexts[name]; acct != nil {
		t.url, t.acct, t.name, t.origin = acct.URL, acct, name, fmt.Sprintf("context %q", name)
		return t, nil
	}
	if name != "" && name != devContext {
		return nil, unknownContext(name, cs)
	}
	if t.dev, err = a.running(); err != nil {
		return nil, err
	}
	if t.dev == nil {
		if name == devContext {
			return nil, fail(exitError, "fcd dev", "no fcd dev is running here")
		}
		if names := slices.Sorted(maps.Keys(cs.Contexts)); len(names) > 0 {
			return nil, fail(exitError, "fcctl context use "+names[0], "no context is the current one")
		}
		return nil, fail(exitError, "fcd dev, or fcctl context set NAME --url https://events.example.com", "no server is known: there is no --url, no FCCTL_URL, no context and no running fcd dev")
	}
	t.url, t.name, t.origin = t.dev.URL, devContext, "a running fcd dev"
	return t, nil
}

// recognise finds the session for a URL that was given as such.
func (a *App) recognise(t *target) error {
	same := func(u string) bool { return strings.TrimRight(u, "/") == strings.TrimRight(t.url, "/") }
	names := slices.Sorted(maps.Keys(t.file.Contexts))
	if i := slices.Index(names, t.file.Current); i > 0 {
		names[0], names[i] = names[i], names[0]
	}
	for _, n := range names {
		if acct := t.file.Contexts[n]; same(acct.URL) {
			t.acct, t.name = acct, n
			return nil
		}
	}
	dev, err := a.running()
	if err != nil {
		return err
	}
	if dev != nil && same(dev.URL) {
		t.dev, t.name = dev, devContext
	}
	return nil
}

func unknownContext(name string, cs *contexts) error {
	names := append(slices.Sorted(maps.Keys(cs.Contexts)), devContext)
	try := "fcctl context list"
	if n := nearest(name, names); n != "" {
		try = n
	}
	return fail(exitNotFound, try, "there is no context %q", name)
}

// connect makes a client for the server that a command speaks to.
func (a *App) connect(c *cli.Context) (*client.Client, error) {
	t, err := a.target(c)
	if err != nil {
		return nil, err
	}
	return a.clientOf(t)
}

func (a *App) clientOf(t *target) (*client.Client, error) {
	source, err := a.tokens(t)
	if err != nil {
		return nil, err
	}
	return a.newClient(t.url, source)
}

// newClient is patient for a moment only: a person waits.
func (a *App) newClient(url string, source client.TokenSource) (*client.Client, error) {
	c, err := client.New(client.Options{URL: url, TokenSource: source, UserAgent: "fcctl/" + a.Version, Retries: 2})
	if err != nil {
		return nil, usage(strings.TrimPrefix(err.Error(), "new client: "), "--url https://events.example.com")
	}
	return c, nil
}

// tokens is the source of tokens for a target; nil if there is none.
func (a *App) tokens(t *target) (client.TokenSource, error) {
	if t.token != "" {
		return client.StaticToken(t.token), nil
	}
	plain, err := a.newClient(t.url, nil)
	if err != nil {
		return nil, err
	}
	switch {
	case t.dev != nil:
		return &devTokens{client: plain, dev: t.dev, token: t.dev.AccessToken}, nil
	case t.acct != nil && t.acct.Session != nil:
		s := t.acct.Session
		source := client.NewSessions(plain, client.Session{AccessToken: s.AccessToken, RefreshToken: s.RefreshToken}, s.Expires)
		source.Changed = func(fresh client.Session) error { return a.keep(t.name, fresh) }
		return source, nil
	}
	return nil, nil
}

// devTokens logs in again when the token of a running `fcd dev` has run out:
// its file has the password as well.
type devTokens struct {
	client *client.Client
	dev    *devFile
	mu     sync.Mutex
	token  string
}

// Token implements client.TokenSource.
func (d *devTokens) Token(ctx context.Context) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token == "" {
		s, err := d.client.Login(ctx, d.dev.Email, d.dev.Password)
		if err != nil {
			return "", err
		}
		d.token = s.AccessToken
	}
	return d.token, nil
}

// Reject implements client.TokenSource.
func (d *devTokens) Reject(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token == token {
		d.token = ""
	}
}
