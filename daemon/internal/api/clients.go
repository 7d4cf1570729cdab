package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// clientRoutes are the rows about tenants that not every kind has.
func (s *server) clientRoutes() []route {
	const (
		get, post, put = http.MethodGet, http.MethodPost, http.MethodPut
		one            = "/api/clients/{id}"
		see, edit      = "platform:admin:client:view", "platform:admin:client:update"
	)
	list := s.listOf("clients", resource.Client{})
	rows := []route{
		{get, "/api/clients/search", see, "searchClients", "clients", "Find clients by a part of their name or identifier", nil, list, 0, through(s, s.searchClients)},
		{get, "/api/clients/by-identifier/{identifier}", see, "getClientByIdentifier", "clients", "One, by its identifier", nil, resource.Client{}, 0, through(s, s.clientByIdentifier)},
		{post, one + "/notes", edit, "addClientNote", "clients", "Write something down about it", addNoteDoc{}, saidView{}, 0, through(s, s.addNote)},
		{get, one + "/applications", see, "listClientApplications", "clients", "The applications, and which of them the client has", nil, clientApplicationsAnswer{}, 0, through(s, s.clientApplications)},
		{put, one + "/applications", edit, "setClientApplications", "clients", "Let it have these applications and no others", enabledDoc{}, nil, http.StatusNoContent, through(s, s.setClientApplications)},
		{post, one + "/applications/{applicationId}/enable", edit, "enableClientApplication", "clients", "Let it have an application", nil, nil, http.StatusNoContent, through(s, s.enableApplication(true))},
		{post, one + "/applications/{applicationId}/disable", edit, "disableClientApplication", "clients", "Take an application from it", nil, nil, http.StatusNoContent, through(s, s.enableApplication(false))},
	}
	for _, m := range []struct{ verb, status, operation, says string }{
		{"activate", resource.ClientActive, "ACTIVATE", "Make it ACTIVE: what waited goes"},
		{"suspend", resource.ClientSuspended, "SUSPEND", "Make it SUSPENDED: nothing of it is accepted, and its jobs wait"},
		{"deactivate", resource.ClientSuspended, "DEACTIVATE", "The same as suspend"},
	} {
		rows = append(rows, route{post, one + "/" + m.verb, edit, m.verb + "Client", "clients", m.says, reasonDoc{}, saidView{}, 0, through(s, s.clientStatus(m.status, m.operation))})
	}
	return rows
}

// saidView is the answer of an action that has nothing to show but that it was
// done.
type saidView struct {
	Message string `json:"message"`
}

type reasonDoc struct {
	Reason string `json:"reason,omitempty" doc:"Kept with the status, for people"`
}

func (reasonDoc) mayBeAbsent() {}

type addNoteDoc struct {
	Category string `json:"category"`
	Text     string `json:"text"`
}

// actionInput is an action on something, of which a body may say more.
type actionInput struct {
	ResourceInput
	BodyInput
}

// into reads a body that may be absent.
func (in BodyInput) into(v any) error {
	if len(in.RawBody) == 0 {
		return nil
	}
	if err := json.Unmarshal(in.RawBody, v); err != nil {
		return platform.Malformed(err)
	}
	return nil
}

func (s *server) clientStatus(status, operation string) func(context.Context, *call, *actionInput) (*result, error) {
	return func(ctx context.Context, c *call, in *actionInput) (*result, error) {
		var doc reasonDoc
		if err := in.into(&doc); err != nil {
			return nil, err
		}
		ch, err := s.p.SetClientStatus(ctx, c.Caller, in.ID, status, doc.Reason, operation)
		if err != nil {
			return nil, err
		}
		return &result{Status: http.StatusOK, ETag: etag(ch.Resource), Body: saidView{"the client is " + status}}, nil
	}
}

func (s *server) addNote(ctx context.Context, c *call, in *actionInput) (*result, error) {
	var doc addNoteDoc
	if err := in.into(&doc); err != nil {
		return nil, err
	}
	if _, err := s.p.AddClientNote(ctx, c.Caller, in.ID, doc.Category, doc.Text); err != nil {
		return nil, err
	}
	return ok(saidView{"the note is kept"}), nil
}

type searchInput struct {
	ResourcesQuery
	Text string `query:"q" doc:"A part of the name or the identifier"`
}

func (s *server) searchClients(ctx context.Context, c *call, in *searchInput) (*result, error) {
	info, _ := resource.InfoOf(resource.KindClient)
	text := strings.ToLower(in.Text)
	return s.list(ctx, c, info, in.ResourcesQuery, func(r resource.Resource) bool {
		t := r.(*resource.Client)
		return strings.Contains(t.Identifier, text) || strings.Contains(strings.ToLower(t.Name), text)
	})
}

type identifierInput struct {
	Identifier string `path:"identifier"`
}

func (s *server) clientByIdentifier(ctx context.Context, c *call, in *identifierInput) (*result, error) {
	return s.getByKey(ctx, c, resource.KindClient, in.Identifier)
}

// getByKey answers with what people call by this name, and not by this id.
func (s *server) getByKey(ctx context.Context, c *call, kind resource.Kind, key string) (*result, error) {
	info, _ := resource.InfoOf(kind)
	r, err := s.p.Get(ctx, c.Caller, info, key, "")
	if err != nil {
		return nil, err
	}
	if r.Key() != key {
		return nil, newProblem(http.StatusNotFound, "NOT_FOUND", "there is no "+info.Title+" of this name")
	}
	return shown(http.StatusOK, platform.Changed{Resource: r}), nil
}

type clientApplicationView struct {
	ID               string `json:"id"`
	Code             string `json:"code"`
	Name             string `json:"name"`
	Description      string `json:"description,omitempty"`
	IconURL          string `json:"iconUrl,omitempty"`
	Active           bool   `json:"active"`
	EnabledForClient bool   `json:"enabledForClient"`
}

type clientApplicationsAnswer struct {
	Applications []clientApplicationView `json:"applications"`
	Total        int                     `json:"total"`
}

func (s *server) clientApplications(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	t, apps, err := s.p.ClientApplications(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	answer := clientApplicationsAnswer{Applications: make([]clientApplicationView, len(apps)), Total: len(apps)}
	for i, a := range apps {
		answer.Applications[i] = clientApplicationView{a.ID, a.Code, a.Name, a.Description, a.IconURL, a.IsActive(), a.Enabled(t.ID)}
	}
	return ok(answer), nil
}

type enabledDoc struct {
	EnabledApplicationIDs []string `json:"enabledApplicationIds" doc:"Ids or codes"`
}

func (s *server) setClientApplications(ctx context.Context, c *call, in *actionInput) (*result, error) {
	var doc enabledDoc
	if err := in.into(&doc); err != nil {
		return nil, err
	}
	if doc.EnabledApplicationIDs == nil {
		return nil, badField("enabledApplicationIds", "is required", "[] for none")
	}
	if err := s.p.SetClientApplications(ctx, c.Caller, in.ID, doc.EnabledApplicationIDs); err != nil {
		return nil, err
	}
	return &result{Status: http.StatusNoContent}, nil
}

type clientApplicationInput struct {
	ID            string `path:"id" doc:"The id or the identifier of the client"`
	ApplicationID string `path:"applicationId" doc:"The id or the code of the application"`
}

func (s *server) enableApplication(enabled bool) func(context.Context, *call, *clientApplicationInput) (*result, error) {
	return func(ctx context.Context, c *call, in *clientApplicationInput) (*result, error) {
		if _, _, err := s.p.SetClientConfig(ctx, c.Caller, in.ApplicationID, in.ID, platform.ClientConfig{Enabled: &enabled}); err != nil {
			return nil, err
		}
		return &result{Status: http.StatusNoContent}, nil
	}
}
