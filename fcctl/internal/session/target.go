package session

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// Target is the server that a command speaks to, and why that one.
type Target struct {
	URL    string
	Origin string // "--url", "FCCTL_URL", `context "prod"`, "a running fcd dev"
	Name   string // of the context, if it is one
	Token  string // given by flag or environment
	// ClientID is that of the client credentials in the environment, which
	// are used unless there is a token.
	ClientID, secret string

	Account *Account
	Dev     *Dev
	File    *File
}

// Flags are what the command line said of the server.
type Flags struct{ URL, Token, Context string }

// Target finds the server: flags, then the environment, then the current
// context, then a running `fcd dev`. A session goes only to the server that it
// belongs to.
func (k *Keeper) Target(f Flags) (*Target, error) {
	cs, err := k.Contexts()
	if err != nil {
		return nil, err
	}
	t := &Target{File: cs, Token: f.Token}
	if t.Token == "" {
		t.Token = k.env("FCCTL_TOKEN")
	}
	if t.Token == "" {
		t.ClientID, t.secret = k.env("FCCTL_CLIENT_ID"), k.env("FCCTL_CLIENT_SECRET")
		if (t.ClientID == "") != (t.secret == "") {
			return nil, fault.Usage("FCCTL_CLIENT_ID and FCCTL_CLIENT_SECRET go together, and one of them is not set", "both, or neither and fcctl login")
		}
	}
	var name string
	switch {
	case f.URL != "":
		t.URL, t.Origin = f.URL, "--url"
	case f.Context != "":
		name = f.Context
	case k.env("FCCTL_URL") != "":
		t.URL, t.Origin = k.env("FCCTL_URL"), "FCCTL_URL"
	case k.env("FCCTL_CONTEXT") != "":
		name = k.env("FCCTL_CONTEXT")
	default:
		name = cs.Current
	}
	if t.URL != "" {
		return t, k.recognise(t)
	}
	if acct := cs.Contexts[name]; acct != nil {
		k.trust(acct)
		t.URL, t.Account, t.Name, t.Origin = acct.URL, acct, name, fmt.Sprintf("context %q", name)
		return t, nil
	}
	if name != "" && name != DevContext {
		return nil, UnknownContext(name, cs)
	}
	if t.Dev, err = k.Running(); err != nil {
		return nil, err
	}
	if t.Dev == nil {
		if name == DevContext {
			return nil, fault.New(fault.Failed, "fcd dev", "no fcd dev is running here")
		}
		if names := slices.Sorted(maps.Keys(cs.Contexts)); len(names) > 0 {
			return nil, fault.New(fault.Failed, "fcctl context use "+names[0], "no context is the current one")
		}
		return nil, fault.New(fault.Failed, "fcd dev, or fcctl context set NAME --url https://events.example.com", "no server is known: there is no --url, no FCCTL_URL, no context and no running fcd dev")
	}
	t.URL, t.Name, t.Origin = t.Dev.URL, DevContext, "a running fcd dev"
	return t, nil
}

// recognise finds the session for a URL that was given as such.
func (k *Keeper) recognise(t *Target) error {
	same := func(u string) bool { return bare(u) == bare(t.URL) }
	names := slices.Sorted(maps.Keys(t.File.Contexts))
	if i := slices.Index(names, t.File.Current); i > 0 {
		names[0], names[i] = names[i], names[0]
	}
	for _, n := range names {
		if acct := t.File.Contexts[n]; same(acct.URL) {
			k.trust(acct)
			t.Account, t.Name = acct, n
			return nil
		}
	}
	dev, err := k.Running()
	if err != nil {
		return err
	}
	if dev != nil && same(dev.URL) {
		t.Dev, t.Name = dev, DevContext
	}
	return nil
}

// UnknownContext says that there is no context of this name, and which was meant.
func UnknownContext(name string, cs *File) error {
	names := append(slices.Sorted(maps.Keys(cs.Contexts)), DevContext)
	try := "fcctl context list"
	if n := fault.Nearest(name, names); n != "" {
		try = n
	}
	return fault.New(fault.NotFound, try, "there is no context %q", name)
}
