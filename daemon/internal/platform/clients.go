package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
)

var (
	clientKind, _      = resource.InfoOf(resource.KindClient)
	applicationKind, _ = resource.InfoOf(resource.KindApplication)
)

// SetClientStatus moves a client to a state, for a reason. Being there already
// is no error.
func (p *Platform) SetClientStatus(ctx context.Context, c Caller, name, status, reason, operation string) (Changed, error) {
	if ps := oneLine("reason", reason, 2000); len(ps) > 0 {
		return Changed{}, Invalid("the request has a field that can not be accepted", ps...)
	}
	return p.edit(ctx, c, clientKind, name, "", 0, operation, func(before resource.Resource) (resource.Resource, error) {
		t := *before.(*resource.Client)
		if t.Status != status || reason != "" {
			t.Status, t.StatusReason = status, reason
		}
		return &t, nil
	})
}

// AddClientNote writes down something about a client.
func (p *Platform) AddClientNote(ctx context.Context, c Caller, name, category, text string) (Changed, error) {
	var ps []resource.Problem
	if strings.TrimSpace(text) == "" {
		ps = append(ps, resource.Problem{Field: "text", Detail: "is required"})
	}
	ps = append(ps, oneLine("category", category, 100)...)
	if len(text) > 4000 {
		ps = append(ps, resource.Problem{Field: "text", Detail: "is longer than 4000 bytes"})
	}
	if len(ps) > 0 {
		return Changed{}, Invalid("the request has fields that can not be accepted", ps...)
	}
	return p.edit(ctx, c, clientKind, name, "", 0, "ADD_NOTE", func(before resource.Resource) (resource.Resource, error) {
		t := *before.(*resource.Client)
		t.Notes = append(slices.Clone(t.Notes), resource.Note{Category: category, Text: text})
		return &t, nil
	})
}

func oneLine(field, v string, most int) []resource.Problem {
	if problem := checkText(v, most); problem != "" {
		return []resource.Problem{{Field: field, Detail: problem}}
	}
	return nil
}

// ClientApplications are the applications, by code, and the client that has
// some of them.
func (p *Platform) ClientApplications(ctx context.Context, c Caller, name string) (*resource.Client, []*resource.Application, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, err := w.lookup(c, clientKind, name, "")
	if err != nil {
		return nil, nil, err
	}
	return r.(*resource.Client), w.applications(), nil
}

func (w *world) applications() []*resource.Application {
	apps := make([]*resource.Application, 0, len(w.sorted[resource.KindApplication]))
	for _, a := range w.sorted[resource.KindApplication] {
		apps = append(apps, a.(*resource.Application))
	}
	return apps
}

// SetClientApplications lets a client have these applications, by id or code,
// and no others.
func (p *Platform) SetClientApplications(ctx context.Context, c Caller, name string, applications []string) error {
	_, err := p.change(ctx, c, false, func(d *draft) error {
		r, err := d.lookup(c, clientKind, name, "")
		if err == nil {
			err = c.mayChange(clientKind)
		}
		if err != nil {
			return err
		}
		wanted := map[string]bool{}
		for _, a := range applications {
			app := d.application(a)
			if app == nil {
				return invalidField("enabledApplicationIds", "names an application that is not there", "")
			}
			wanted[app.ID] = true
		}
		for _, app := range d.applications() {
			if id := r.Base().ID; app.Enabled(id) != wanted[app.ID] {
				d.update(app, withClient(app, id, func(ac *resource.ApplicationClient) { ac.Enabled = wanted[app.ID] }), "SET_CLIENT")
			}
		}
		return nil
	})
	return err
}

// ClientConfig is how one client has an application. What is nil stays.
type ClientConfig struct {
	Enabled         *bool           `json:"enabled"`
	BaseURLOverride *string         `json:"baseUrlOverride"`
	Config          *map[string]any `json:"config"`
}

// SetClientConfig changes how a client has an application.
func (p *Platform) SetClientConfig(ctx context.Context, c Caller, application, client string, set ClientConfig) (*resource.Application, string, error) {
	id := ""
	ch, err := p.alter(ctx, c, applicationKind, application, "", 0, "SET_CLIENT", func(d *draft, before resource.Resource) (resource.Resource, error) {
		r, err := d.lookup(c, clientKind, client, "")
		if err != nil {
			return nil, err
		}
		id = r.Base().ID
		return withClient(before.(*resource.Application), id, func(ac *resource.ApplicationClient) {
			if set.Enabled != nil {
				ac.Enabled = *set.Enabled
			}
			if set.BaseURLOverride != nil {
				ac.BaseURLOverride = *set.BaseURLOverride
			}
			if set.Config != nil {
				ac.Config = *set.Config
			}
		}), nil
	})
	if err != nil {
		return nil, "", err
	}
	return ch.Resource.(*resource.Application), id, nil
}

// withClient is an application in which a client's part is changed.
func withClient(app *resource.Application, clientID string, change func(*resource.ApplicationClient)) *resource.Application {
	next := *app
	next.Clients = slices.Clone(app.Clients)
	at := slices.IndexFunc(next.Clients, func(c resource.ApplicationClient) bool { return c.ClientID == clientID })
	if at < 0 {
		at = len(next.Clients)
		next.Clients = append(next.Clients, resource.ApplicationClient{ClientID: clientID})
	}
	change(&next.Clients[at])
	return &next
}
