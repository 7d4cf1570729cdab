package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// applicationRoutes are the rows about applications that not every kind has.
func (s *server) applicationRoutes() []route {
	const (
		get  = http.MethodGet
		one  = "/api/applications/{id}"
		see  = "platform:admin:application:view"
		edit = "platform:admin:application:update"
	)
	return []route{
		{get, "/api/applications/by-id/{id}", see, "getApplicationById", "applications", "One, by its id", nil, resource.Application{}, 0, through(s, s.getResource(kindInfo(resource.KindApplication)))},
		{get, "/api/applications/by-id/{id}/roles", see, "listApplicationRoles", "applications", "Its roles", nil, []roleView{}, 0, through(s, s.applicationRoles)},
		{get, "/api/applications/by-code/{code}", see, "getApplicationByCode", "applications", "One, by its code", nil, resource.Application{}, 0, through(s, s.applicationByCode)},
		{get, one + "/clients", see, "listApplicationClients", "applications", "How each client has it", nil, clientConfigsAnswer{}, 0, through(s, s.applicationClients)},
		{http.MethodPut, one + "/clients/{clientId}", edit, "setApplicationClient", "applications", "Change how a client has it", setClientConfigDoc{}, clientConfigView{}, 0, through(s, s.setApplicationClient)},
		{get, one + "/service-account", see, "getApplicationServiceAccount", "applications", "Its service account", nil, provisionedView{}, 0, through(s, s.applicationAccount)},
		{http.MethodPost, one + "/service-account", edit, "provisionServiceAccount", "applications", "Make its service account, with an OAuth client whose secret is shown once; needs the permissions to create both besides", nil, provisionedView{}, http.StatusCreated, through(s, s.provisionAccount)},
		{http.MethodPost, one + "/provision-service-account", edit, "provisionServiceAccountOld", "applications", "Make its service account: another path", nil, provisionedView{}, http.StatusCreated, through(s, s.provisionAccount)},
	}
}

func kindInfo(kind resource.Kind) resource.KindInfo {
	info, _ := resource.InfoOf(kind)
	return info
}

func (s *server) applicationRoles(ctx context.Context, _ *call, in *ResourceInput) (*result, error) {
	roles, err := s.p.RolesOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(viewRoles(roles)), nil
}

func (s *server) applicationByCode(ctx context.Context, c *call, in *codeInput) (*result, error) {
	return s.getByKey(ctx, c, resource.KindApplication, in.Code)
}

type clientConfigView struct {
	ApplicationID   string         `json:"applicationId"`
	ClientID        string         `json:"clientId"`
	ClientName      string         `json:"clientName,omitempty"`
	Enabled         bool           `json:"enabled"`
	BaseURLOverride string         `json:"baseUrlOverride,omitempty"`
	EffectiveURL    string         `json:"effectiveBaseUrl,omitempty"`
	Config          map[string]any `json:"config,omitempty"`
}

type clientConfigsAnswer struct {
	ClientConfigs []clientConfigView `json:"clientConfigs"`
	Total         int                `json:"total"`
}

type setClientConfigDoc struct {
	Enabled         *bool          `json:"enabled,omitempty"`
	BaseURLOverride string         `json:"baseUrlOverride,omitempty"`
	Config          map[string]any `json:"config,omitempty"`
}

func (s *server) viewConfig(ctx context.Context, c *call, a *resource.Application, ac resource.ApplicationClient) (clientConfigView, bool) {
	r, err := s.p.Get(ctx, c.Caller, kindInfo(resource.KindClient), ac.ClientID, "")
	if err != nil {
		return clientConfigView{}, false // another tenant's
	}
	v := clientConfigView{a.ID, ac.ClientID, r.(*resource.Client).Name, ac.Enabled, ac.BaseURLOverride, ac.BaseURLOverride, ac.Config}
	if v.EffectiveURL == "" {
		v.EffectiveURL = a.DefaultBaseURL
	}
	return v, true
}

func (s *server) applicationClients(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	r, err := s.p.Get(ctx, c.Caller, kindInfo(resource.KindApplication), in.ID, "")
	if err != nil {
		return nil, err
	}
	a := r.(*resource.Application)
	answer := clientConfigsAnswer{ClientConfigs: []clientConfigView{}}
	for _, ac := range a.Clients {
		if v, seen := s.viewConfig(ctx, c, a, ac); seen {
			answer.ClientConfigs = append(answer.ClientConfigs, v)
		}
	}
	answer.Total = len(answer.ClientConfigs)
	return ok(answer), nil
}

type applicationClientInput struct {
	ID       string `path:"id" doc:"The id or the code of the application"`
	ClientID string `path:"clientId" doc:"The id or the identifier of the client"`
	BodyInput
}

func (s *server) setApplicationClient(ctx context.Context, c *call, in *applicationClientInput) (*result, error) {
	var set platform.ClientConfig
	if err := json.Unmarshal(in.RawBody, &set); err != nil {
		return nil, platform.Malformed(err)
	}
	a, client, err := s.p.SetClientConfig(ctx, c.Caller, in.ID, in.ClientID, set)
	if err != nil {
		return nil, err
	}
	for _, ac := range a.Clients {
		if ac.ClientID == client {
			v, _ := s.viewConfig(ctx, c, a, ac)
			return &result{Status: http.StatusOK, ETag: etag(a), Body: v}, nil
		}
	}
	return nil, newProblem(http.StatusNotFound, "NOT_FOUND", "the application has no such client")
}

func (s *server) applicationAccount(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	p, err := s.p.ServiceAccountOf(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(viewProvisioned(p)), nil
}

func (s *server) provisionAccount(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	p, err := s.p.ProvisionServiceAccount(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return &result{Status: http.StatusCreated, CacheControl: "no-store", Body: viewProvisioned(p)}, nil
}
