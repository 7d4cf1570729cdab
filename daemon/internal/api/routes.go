package api

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// route is one row: what is asked, what it needs, and what the document says.
type route struct {
	method, path string
	needs        string // a permission, public or anyToken
	id           string // of the operation, for generated clients
	tag, summary string
	in, out      any // bodies, as examples of their types or as schemas
	status       int // of success; 0 is 200
	add          func(route)
}

// routes is the one table of all routes.
func (s *server) routes() []route {
	const (
		get  = http.MethodGet
		post = http.MethodPost

		publish   = "platform:messaging:event:create"
		seeEvents = "platform:messaging:event:view"
		seeJobs   = "platform:messaging:dispatch-job:view"
		newJobs   = "platform:messaging:dispatch-job:create"
		editJobs  = "platform:messaging:dispatch-job:update"
		retryJobs = "platform:messaging:dispatch-job:retry"
	)
	rows := []route{
		{get, "/.well-known/jwks.json", public, "jwks", "auth", "The keys that verify tokens", nil, jwksDoc{}, 0, s.plain(s.jwks)},
		{get, "/health", public, "health", "system", "Whether the platform can do its work", nil, healthAnswer{}, 0, through(s, s.health)},

		{post, "/api/events", publish, "publishEvent", "events", "Publish one event", EventDoc{}, publishedDoc{}, http.StatusCreated, s.plain(s.publishOne)},
		{post, "/api/events/batch", publish, "publishEvents", "events", "Publish up to 1000 events", eventBatchDoc{}, batchAnswer{}, 0, s.plain(s.publishBatch)},
		{get, "/api/events", seeEvents, "listEvents", "events", "List events, newest first", nil, s.listOf("events", EventDoc{}), 0, through(s, s.listEvents)},
		{get, "/api/events/stream", seeEvents, "followEvents", "events", "Events as they are accepted, as server-sent events with resume", nil, EventDoc{}, 0, follow(s, s.followEvents)},
		{get, "/api/events/{id}", seeEvents, "getEvent", "events", "One event with its data", nil, EventDoc{}, 0, through(s, s.getEvent)},
		{get, "/api/events/{id}/explain", seeEvents, "explainEvent", "events", "Which subscriptions an event goes to, and why not to the others", nil, explainAnswer{}, 0, through(s, s.explainEvent)},

		{post, "/api/dispatch-jobs", newJobs, "createDispatchJob", "dispatch-jobs", "Create a job without an event", taskDoc{}, JobView{}, http.StatusCreated, s.plain(s.createJob)},
		{post, "/api/dispatch-jobs/batch", newJobs, "createDispatchJobs", "dispatch-jobs", "Create up to 1000 jobs", taskBatchDoc{}, batchAnswer{}, 0, s.plain(s.createJobs)},
		{post, "/api/dispatch/jobs/batch", newJobs, "createDispatchJobsOld", "dispatch-jobs", "Create up to 1000 jobs: the older path", taskBatchDoc{}, batchAnswer{}, 0, s.plain(s.createJobs)},
		{get, "/api/dispatch-jobs", seeJobs, "listDispatchJobs", "dispatch-jobs", "List jobs, newest first", nil, s.listOf("dispatchJobs", JobView{}), 0, through(s, s.listJobs)},
		{get, "/api/dispatch-jobs/stream", seeJobs, "followDispatchJobs", "dispatch-jobs", "Jobs as they change, as server-sent events with resume", nil, JobView{}, 0, follow(s, s.followJobs)},
		{get, "/api/dispatch-jobs/{id}", seeJobs, "getDispatchJob", "dispatch-jobs", "One job", nil, JobView{}, 0, through(s, s.getJob)},
		{get, "/api/dispatch-jobs/{id}/attempts", seeJobs, "listAttempts", "dispatch-jobs", "What came of each exchange", nil, []attemptView{}, 0, through(s, s.listAttempts)},
		{post, "/api/dispatch-jobs/{id}/retry", retryJobs, "retryDispatchJob", "dispatch-jobs", "Try a dead letter again, or at once what waits for its next attempt", nil, JobView{}, 0, through(s, s.retryJob)},
		{post, "/api/dispatch-jobs/{id}/cancel", editJobs, "cancelDispatchJob", "dispatch-jobs", "Cancel a job", nil, cancelledView{}, 0, through(s, s.cancelJob)},
		{post, "/api/dispatch-jobs/{id}/skip", editJobs, "skipDispatchJob", "dispatch-jobs", "Let the next go past a dead letter", nil, JobView{}, 0, through(s, s.skipJob)},

		{post, "/api/apply", anyToken, "apply", "resources", "Carry out a manifest's plan, whole or not at all; needs the permissions of its changes", platform.ApplyRequest{}, platform.ApplyAnswer{}, 0, through(s, s.apply)},
	}
	for _, info := range resource.Kinds {
		if info.Kind != resource.KindPrincipal {
			rows = append(rows, s.kindRoutes(info)...)
		}
	}
	rows = append(append(append(rows, s.principalRoutes()...), s.clientRoutes()...), s.roleRoutes()...)
	rows = append(append(append(rows, s.oauthClientRoutes()...), s.accountRoutes()...), s.applicationRoutes()...)
	rows = append(append(append(rows, s.replayRoutes()...), s.letterRoutes()...), s.groupRoutes()...)
	rows = append(append(rows, s.monitoringRoutes()...), s.syncRoutes()...)
	rows = append(append(append(rows, s.sessionRoutes()...), s.oauthRoutes()...), s.federationRoutes()...)
	rows = append(rows, s.resetRoutes()...)
	rows = append(append(append(rows, s.auditRoutes()...), s.readRoutes()...), s.statisticsRoutes()...)
	rows = append(append(append(rows, s.secretRoutes()...), s.trialRoutes()...), append(s.reportRoutes(), s.docsRoutes()...)...)
	rows = append(rows, s.expungeRoutes()...)
	return append(rows, s.stateRoutes()...)
}

// kindRoutes are the rows that every kind has.
func (s *server) kindRoutes(info resource.KindInfo) []route {
	all, one := "/api/"+info.Collection, "/api/"+info.Collection+"/{id}"
	name := info.Noun()
	doc, view := resourceDoc(info.Kind), viewDoc(info.Kind)
	made := view
	list, create := through(s, s.listResources(info)), through(s, s.createResource(info))
	switch info.Kind {
	case resource.KindEventType:
		list = through(s, s.listEventTypes)
	case resource.KindRole:
		list, doc = through(s, s.listRoles), createRoleDoc{}
	case resource.KindOAuthClient:
		list, create, made = through(s, s.listOAuthClients), through(s, s.createOAuthClient), createdOAuthClientView{}
	case resource.KindServiceAccount:
		create, made = through(s, s.createAccount), createdAccountView{}
	}
	return []route{
		{http.MethodGet, all, info.May("view"), "list" + name + "s", info.Collection, "List " + info.Title + "s by code", nil, s.listOf(info.ListName, view), 0, list},
		{http.MethodPost, all, info.May("create"), "create" + name, info.Collection, "Create " + a(info.Title), doc, made, http.StatusCreated, create},
		{http.MethodGet, one, info.May("view"), "get" + name, info.Collection, "Get " + a(info.Title) + " by its id or code", nil, view, 0, through(s, s.getResource(info))},
		{http.MethodPut, one, info.May("update"), "update" + name, info.Collection, "Change the fields of " + a(info.Title) + " that are given; null takes one away", doc, nil, http.StatusNoContent, through(s, s.updateResource(info))},
		{http.MethodDelete, one, info.May("delete"), "delete" + name, info.Collection, "Delete " + a(info.Title), nil, nil, http.StatusNoContent, through(s, s.deleteResource(info))},
	}
}

// a is a noun with its article.
func a(noun string) string {
	if strings.ContainsRune("aeioAEIO", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// stateRoutes move resources between their states.
func (s *server) stateRoutes() []route {
	var rows []route
	for _, m := range []struct {
		kind                    resource.Kind
		verb, status, operation string
	}{
		{resource.KindSubscription, "pause", resource.SubscriptionPaused, "PAUSE"},
		{resource.KindSubscription, "resume", resource.SubscriptionActive, "RESUME"},
		{resource.KindConnection, "pause", resource.ConnectionPaused, "PAUSE"},
		{resource.KindConnection, "resume", resource.ConnectionActive, "RESUME"},
		{resource.KindDispatchPool, "suspend", resource.PoolSuspended, "SUSPEND"},
		{resource.KindDispatchPool, "activate", resource.PoolActive, "ACTIVATE"},
		{resource.KindEventType, "archive", resource.EventTypeArchived, "ARCHIVE"},
	} {
		info, _ := resource.InfoOf(m.kind)
		rows = append(rows, route{http.MethodPost, "/api/" + info.Collection + "/{id}/" + m.verb,
			info.May("update"), m.verb + info.Noun(), info.Collection, "Make " + a(info.Title) + " " + m.status,
			nil, viewDoc(m.kind), 0, through(s, s.move(info, m.status, m.operation))})
	}
	return append(rows, s.schemaRoutes()...)
}

// resourceDoc is an empty resource of a kind, for the document.
func resourceDoc(kind resource.Kind) any {
	info, _ := resource.InfoOf(kind)
	return reflect.ValueOf(info.New()).Elem().Interface()
}
