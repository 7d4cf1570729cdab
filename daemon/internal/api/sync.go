package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// syncRoutes let applications declare what they have, as the SDKs do it.
func (s *server) syncRoutes() []route {
	var rows []route
	for _, k := range []struct {
		kind     resource.Kind
		segment  string
		name     string
		list, in string
		doc      any
	}{
		{resource.KindRole, "roles", "syncRoles", "roles", "its roles", syncRolesDoc{}},
		{resource.KindEventType, "event-types", "syncEventTypes", "eventTypes", "its event types", syncEventTypesDoc{}},
		{resource.KindSubscription, "subscriptions", "syncSubscriptions", "subscriptions", "its subscriptions", syncSubscriptionsDoc{}},
		{resource.KindDispatchPool, "dispatch-pools", "syncDispatchPools", "pools", "its dispatch pools", syncPoolsDoc{}},
		{resource.KindPrincipal, "principals", "syncPrincipals", "principals", "the people who use it", syncPrincipalsDoc{}},
	} {
		info := kindInfo(k.kind)
		rows = append(rows, route{http.MethodPost, "/api/applications/{appCode}/" + k.segment + "/sync", info.May("update"), k.name, "sync",
			"Make " + k.in + " as they are listed, whole or not at all; what is created or deleted needs that permission besides", k.doc, syncedView{}, 0,
			through(s, s.sync(k.kind, k.list))})
	}
	return rows
}

type (
	syncRolesDoc struct {
		Roles []syncRoleDoc `json:"roles"`
	}
	syncEventTypesDoc struct {
		EventTypes []syncEventTypeDoc `json:"eventTypes"`
	}
	syncSubscriptionsDoc struct {
		Subscriptions []syncSubscriptionDoc `json:"subscriptions"`
	}
	syncPoolsDoc struct {
		Pools []syncPoolDoc `json:"pools"`
	}
	syncPrincipalsDoc struct {
		Principals []syncPrincipalDoc `json:"principals"`
	}
	syncRoleDoc struct {
		Name          string   `json:"name" doc:"With or without the application's code before it"`
		DisplayName   string   `json:"displayName,omitempty"`
		Description   string   `json:"description,omitempty"`
		Permissions   []string `json:"permissions,omitempty"`
		ClientManaged bool     `json:"clientManaged,omitempty"`
	}
	syncEventTypeDoc struct {
		Code        string `json:"code" doc:"Begins with the application's code"`
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	syncSubscriptionDoc struct {
		Code             string             `json:"code"`
		Name             string             `json:"name"`
		Description      string             `json:"description,omitempty"`
		Target           string             `json:"target"`
		ConnectionID     string             `json:"connectionId,omitempty"`
		EventTypes       []resource.Binding `json:"eventTypes"`
		DispatchPoolCode string             `json:"dispatchPoolCode,omitempty" doc:"May come later"`
		Mode             string             `json:"mode,omitempty"`
		MaxRetries       int                `json:"maxRetries,omitempty"`
		TimeoutSeconds   int                `json:"timeoutSeconds,omitempty"`
		DataOnly         bool               `json:"dataOnly,omitempty"`
	}
	syncPoolDoc struct {
		Code        string `json:"code"`
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
		RateLimit   int    `json:"rateLimit,omitempty" doc:"Per minute"`
		Concurrency int    `json:"concurrency,omitempty"`
	}
	syncPrincipalDoc struct {
		Email  string   `json:"email"`
		Name   string   `json:"name"`
		Roles  []string `json:"roles,omitempty" doc:"Of the application, with or without its code before them"`
		Active bool     `json:"active,omitempty"`
	}
)

type syncInput struct {
	AppCode        string `path:"appCode" doc:"The application's code or id"`
	RemoveUnlisted bool   `query:"removeUnlisted" doc:"Delete what sync created before and is not listed any more"`
	BodyInput
}

type syncedView struct {
	ApplicationCode string   `json:"applicationCode"`
	Created         int      `json:"created"`
	Updated         int      `json:"updated"`
	Deleted         int      `json:"deleted"`
	SyncedCodes     []string `json:"syncedCodes" doc:"All that were listed, whether they changed or not"`
	Warnings        []string `json:"warnings,omitempty"`
}

func (s *server) sync(kind resource.Kind, list string) func(context.Context, *call, *syncInput) (*result, error) {
	return func(ctx context.Context, c *call, in *syncInput) (*result, error) {
		var body map[string]json.RawMessage
		if err := json.Unmarshal(in.RawBody, &body); err != nil {
			return nil, platform.Malformed(err)
		}
		var items []json.RawMessage
		if raw, given := body[list]; !given {
			return nil, badField(list, "is required", "")
		} else if err := json.Unmarshal(raw, &items); err != nil || items == nil {
			return nil, badField(list, "must be an array", "")
		}
		c.May = s.may(&c.caller)
		done, err := s.p.Sync(ctx, c.Caller, platform.SyncRequest{Application: in.AppCode, Kind: kind, Items: items, RemoveUnlisted: in.RemoveUnlisted})
		if err != nil {
			return nil, err
		}
		if done.Codes == nil {
			done.Codes = []string{}
		}
		return ok(syncedView{done.Application, done.Created, done.Updated, done.Deleted, done.Codes, done.Warnings}), nil
	}
}
