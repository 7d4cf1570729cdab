package work

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/listen"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/internal/match"
	"github.com/urfave/cli/v2"
)

// listenFilter says which events are asked for, and which of those that come
// are wanted: the server takes one pattern and no expression, so the rest is
// sorted out here, as the server does it for a subscription.
func (a *commands) listenFilter(c *cli.Context) (wanted func(*client.Event) bool, f client.EventFilter, err error) {
	f = client.EventFilter{Source: c.String("source"), Subject: c.String("subject"), MessageGroup: c.String("group"), ClientID: c.String("client")}
	patterns, filter := c.StringSlice("type"), resource.Filter(c.String("filter"))
	for _, p := range patterns {
		if problem := resource.CheckPattern(p); problem != "" {
			return nil, f, fault.Usage(fmt.Sprintf("--type %s %s", p, problem), "--type 'shop:*:*:*'")
		}
	}
	if err := match.CheckFilter(filter); err != nil {
		return nil, f, fault.Usage("--filter "+err.Error(), "--filter 'data.total > 100.0'")
	}
	switch {
	case len(patterns) == 1:
		f.Type = patterns[0]
	case len(patterns) == 0:
		patterns = []string{"*:*:*:*"}
	}
	if len(patterns) == 1 && filter == "" {
		return nil, f, nil
	}
	sub := &resource.Subscription{Code: "listen"}
	for _, p := range patterns {
		sub.EventTypes = append(sub.EventTypes, resource.Binding{EventTypeCode: p, Filter: filter})
	}
	set, problems := match.Compile([]*resource.Subscription{sub})
	if len(problems) > 0 {
		return nil, f, fault.Usage(problems[0].Error(), "fcctl listen --help")
	}
	said := false
	set.OnFilterError = func(_ *resource.Subscription, e *match.Event, err error) {
		if !said {
			a.Say("The filter fails on %s, and so that event does not match: %v. Others like it are not named.", e.ID, err)
		}
		said = true
	}
	return func(e *client.Event) bool { return len(set.Match(matchable(e), nil)) > 0 }, f, nil
}

// matchable is what a filter sees of an event.
func matchable(e *client.Event) *match.Event {
	m := &match.Event{
		ID: e.ID, Type: e.Type, Source: e.Source, Subject: e.Subject, Time: e.Time,
		Data: e.Data, ClientID: e.ClientID, MessageGroup: e.MessageGroup,
	}
	for _, kv := range e.ContextData {
		m.ContextData = append(m.ContextData, resource.KeyValue(kv))
	}
	return m
}

// listenTarget reads where events go; nil if nowhere. The secret is the one
// that was made for this run, if one was.
func (a *commands) listenTarget(c *cli.Context) (t *listen.Target, secret string, err error) {
	switch {
	case c.Int("max-attempts") < 0 || c.Int("count") < 0:
		return nil, "", fault.Usage("--max-attempts and --count cannot be negative", "fcctl listen --help")
	case c.Duration("target-timeout") <= 0:
		return nil, "", fault.Usage("--target-timeout must be more than nothing", "--target-timeout 30s")
	case c.String("forward") == "":
		for _, name := range []string{"secret", "scheme", "data-only", "target-timeout", "max-attempts", "skip-failed"} {
			if c.IsSet(name) {
				return nil, "", fault.Usage("--"+name+" is about forwarding, and there is no --forward", "fcctl listen --forward http://localhost:3000/hooks")
			}
		}
		return nil, "", nil
	}
	u, err := url.Parse(c.String("forward"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, "", fault.Usage(fmt.Sprintf("--forward %q is not an http or https URL", c.String("forward")), "--forward http://localhost:3000/hooks")
	}
	t = listen.NewTarget(u.String())
	t.DataOnly, t.Timeout, t.Agent = c.Bool("data-only"), c.Duration("target-timeout"), "FlowCatalyst/"+a.Version
	scheme := webhook.Scheme(c.String("scheme"))
	if scheme == "none" {
		return t, "", nil
	}
	own := c.String("secret")
	if fields := strings.Fields(a.Getenv("FCCTL_SECRET")); own == "" && len(fields) > 0 {
		own = fields[0]
	}
	if own == "" {
		key := make([]byte, 24)
		_, _ = rand.Read(key) // it never fails
		own = "whsec_" + base64.StdEncoding.EncodeToString(key)
		secret = own
	}
	if t.Signer, err = webhook.NewSigner(scheme, webhook.ISOMillis, own); err != nil {
		return nil, "", fault.Usage("nothing can be signed: "+err.Error(), "--scheme standard-webhooks, flowcatalyst or none, and a secret as a connection has it")
	}
	return t, secret, nil
}

var listenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// listenPlace finds where a run begins, and how the place is kept. A name is
// held as long as the run lasts. Since and after go before what is kept.
func (a *commands) listenPlace(c *cli.Context, server string) (from listen.Place, keep func(listen.Place) error, release func(), err error) {
	release = func() {}
	from = listen.Place{URL: server, Cursor: c.String("after")}
	anew := c.IsSet("since") || c.IsSet("after")
	if c.IsSet("since") && c.IsSet("after") {
		return from, nil, release, fault.Usage("--since and --after both say where to begin", "one of them")
	}
	name := c.String("name")
	if name == "" {
		return from, nil, release, nil
	}
	if !listenName.MatchString(name) {
		return from, nil, release, fault.Usage(fmt.Sprintf("--name %q can not be the name of a file", name), "--name laptop: letters, digits, and . _ - within")
	}
	path, err := a.Sessions().StatePath("listen", name+".json")
	if err != nil {
		return from, nil, release, err
	}
	let, held, err := session.Hold(strings.TrimSuffix(path, ".json") + ".lock")
	if held {
		return from, nil, release, fault.New(fault.Conflict, "another --name", "another fcctl listens as %s", name)
	}
	if err != nil {
		return from, nil, release, err
	}
	file := listen.File{Path: path}
	if anew {
		return from, file.Save, let, nil
	}
	kept, found, err := file.Load()
	switch {
	case err != nil:
		let()
		return from, nil, release, fault.New(fault.Failed, "--since 1h, which begins anew", "%w", err)
	case found && kept.URL != server:
		let()
		return from, nil, release, fault.New(fault.Conflict, "another --name for this server, or --since, which begins anew here", "%s stands at %s, and this is %s", name, kept.URL, server)
	case found:
		from = kept
	}
	return from, file.Save, let, nil
}
