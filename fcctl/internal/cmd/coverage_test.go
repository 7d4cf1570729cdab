package cmd

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/urfave/cli/v2"
)

// commandOf names the command for each operation of the API, besides those
// that every kind has.
var commandOf = map[string]string{
	"apply": "apply", "activateClient": "clients activate", "suspendClient": "clients suspend", "addClientNote": "clients note", "searchClients": "clients search",
	"listClientApplications": "clients applications list", "setClientApplications": "clients applications set",
	"enableClientApplication": "clients applications enable", "disableClientApplication": "clients applications disable",
	"listApplicationClients": "applications clients", "setApplicationClient": "applications configure",
	"getApplicationServiceAccount": "applications service-account", "provisionServiceAccount": "applications provision",
	"grantPermission": "roles grant", "revokePermission": "roles revoke", "listPermissions": "permissions list", "getPermission": "permissions get",
	"listServiceAccountTokens": "service-accounts tokens list", "createServiceAccountToken": "service-accounts tokens create",
	"revokeServiceAccountToken": "service-accounts tokens revoke", "regenerateServiceAccountToken": "service-accounts tokens replace",
	"regenerateServiceAccountSecret": "service-accounts rotate-secret", "listServiceAccountRoles": "service-accounts roles list", "setServiceAccountRoles": "service-accounts roles set",
	"activateOAuthClient": "oauth-clients activate", "deactivateOAuthClient": "oauth-clients deactivate",
	"rotateOAuthClientSecret": "oauth-clients rotate-secret", "regenerateOAuthClientSecret": "oauth-clients replace-secret",
	"activatePrincipal": "users activate", "deactivatePrincipal": "users deactivate", "setPrincipalPassword": "users reset-password", "sendPasswordReset": "users send-reset", "forgetIdentity": "users forget-identity", "checkEmailDomain": "users check-domain",
	"listPrincipalRoles": "users roles list", "setPrincipalRoles": "users roles set", "assignRole": "users roles add", "removeRole": "users roles remove",
	"listClientAccess": "users grants", "grantClientAccess": "users grant", "revokeClientAccess": "users revoke",
	"listApplicationAccess": "users applications list", "setApplicationAccess": "users applications set", "listAvailableApplications": "users applications available",
	"archiveEventType": "event-types archive", "validateEventData": "event-types validate", "addEventTypeVersion": "event-types schemas add",
	"finaliseEventTypeVersion": "event-types schemas finalise", "deprecateEventTypeVersion": "event-types schemas deprecate",
	"activateDispatchPool": "dispatch-pools resume", "suspendDispatchPool": "dispatch-pools pause",
	"pauseConnection": "connections pause", "resumeConnection": "connections resume", "rotateConnectionSecret": "secret rotate", "testConnection": "connections test",
	"pauseSubscription": "subscriptions pause", "resumeSubscription": "subscriptions resume",
	"listAuditLogs": "audit list", "getAuditLog": "audit get",

	"expungeEvents": "expunges create", "listExpunges": "expunges list", "getExpunge": "expunges get", "cancelExpunge": "expunges cancel",

	"publishEvent": "events publish", "publishEvents": "events publish", "listEvents": "events list", "getEvent": "events get", "explainEvent": "events explain",
	"listDispatchJobs": "jobs list", "getDispatchJob": "jobs get", "listAttempts": "jobs attempts", "cancelDispatchJob": "jobs cancel", "retryDispatchJob": "jobs retry", "skipDispatchJob": "jobs skip",
	"listReplays": "replays list", "createReplay": "events replay", "getReplay": "replays get", "updateReplay": "replays rate",
	"cancelReplay": "replays cancel", "pauseReplay": "replays pause", "resumeReplay": "replays resume",
	"listDeadLetters": "dead-letters list", "getDeadLetter": "dead-letters get", "retryDeadLetter": "dead-letters retry", "retryDeadLetters": "dead-letters retry",
	"discardDeadLetter": "dead-letters discard", "discardDeadLetters": "dead-letters discard",
	"listDeadLetterTasks": "dead-letters tasks", "getDeadLetterTask": "dead-letters wait", "cancelDeadLetterTask": "dead-letters cancel",
	"listBlockedGroups": "groups list", "retryGroup": "groups retry", "skipGroup": "groups skip", "cancelWaitingOfGroup": "groups cancel-waiting",
	"statistics": "statistics", "followEvents": "events tail", "followDispatchJobs": "jobs tail",

	"monitoring": "router stats", "monitoringHealth": "router health", "monitoringStream": "router stats", "poolStats": "router pools", "tunePool": "router pools tune", "queueStats": "queues list", "peekQueue": "queues peek", "queueDeadLetters": "queues dead-letters", "purgeQueue": "queues purge", "redriveQueue": "queues redrive", "endpointStats": "router endpoints",
	"circuitBreakers": "router breakers", "resetCircuitBreaker": "router breakers reset", "inFlightMessages": "router in-flight",
	"warnings": "router warnings", "acknowledgeWarning": "router warnings ack",

	"login": "login", "refresh": "whoami", "me": "whoami", "logout": "logout", "logoutEverywhere": "logout", "listSessions": "sessions list", "endSession": "sessions end",
	"changePassword": "change-password", "checkDomain": "login", "bootstrap": "bootstrap",
	"authorizeDevice": "login", "token": "login", "revoke": "logout",
}

// Why an operation has no command.
const (
	otherPath  = "another path to what a command does, for existing clients"
	choices    = "offers choices to a page; a command takes what is typed"
	forPages   = "a page or a form for people in a browser, or what such a page calls"
	forApps    = "for applications, at run time or when they start"
	forLibrary = "read by libraries, not by people"
	probe      = "asked by a load balancer or a supervisor"
)

// exceptions are the operations without a command, and why.
var exceptions = map[string]string{
	"createUser": otherPath, "getClientByIdentifier": otherPath, "deactivateClient": otherPath, "getApplicationByCode": otherPath, "getApplicationById": otherPath,
	"provisionServiceAccountOld": otherPath, "getRoleByCode": otherPath, "getServiceAccountByCode": otherPath, "getOAuthClientByClientId": otherPath, "getEventTypeByCode": otherPath,
	"listRolesOfApplication": otherPath, "listApplicationRoles": otherPath, "listRolesBySource": otherPath,
	"auditLogsOfEntity": otherPath, "auditLogsOfPrincipal": otherPath, "recentAuditLogs": otherPath,
	"listDispatchJobsByEvent": otherPath, "createDispatchJobsOld": otherPath, "listRawDispatchJobs": otherPath, "listRawEvents": otherPath, "getRawDispatchJob": otherPath,
	"monitoringPools": otherPath, "getApiMonitoringCircuitBreakers": otherPath, "getApiMonitoringInFlightMessages": otherPath, "getApiMonitoringPoolStats": otherPath, "getApiMonitoringStandbyStatus": otherPath,
	"userinfoPost": otherPath,

	"auditEntityTypes": choices, "auditOperations": choices, "auditClientIds": choices, "auditApplicationIds": choices,
	"listRoleApplications": choices, "dispatchJobFilterOptions": choices, "eventFilterOptions": choices, "dashboard": forPages,

	"syncRoles": forApps, "syncEventTypes": forApps, "syncSubscriptions": forApps, "syncDispatchPools": forApps, "syncPrincipals": forApps, "reportAuditLogs": forApps, "reportAuditLogsOld": forApps,
	"createDispatchJob": forApps, "createDispatchJobs": forApps, "publishMessages": forApps, "checkInFlightMessage": forApps, "checkInFlightMessages": forApps,

	"jwks": forLibrary, "openidConfiguration": forLibrary, "oauthServerMetadata": forLibrary, "introspect": forLibrary, "userinfo": forLibrary, "openapi": forLibrary, "docs": forPages, "oidcLogin": forPages, "oidcCallback": forPages,
	"authorize": forPages, "answerAuthorize": forPages, "devicePage": forPages, "signInPage": forPages, "signIn": forPages, "signOut": forPages, "bootstrapPage": forPages,
	"passwordResetPage": forPages, "passwordResetForm": forPages, "requestPasswordReset": forPages, "confirmPasswordReset": forPages, "validatePasswordReset": forPages, "validatePasswordResetToken": forPages, "answerDevice": forPages,

	"health": probe, "consumerHealth": probe, "standbyStatus": probe,
}

// Every operation of the API has a command, or a reason why not.
func TestEveryOperationHasACommand(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../daemon/internal/api/openapi.lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	known := maps.Clone(commandOf)
	for _, info := range resource.Kinds {
		for verb, command := range map[string]string{"list": "get", "create": "create", "get": "get", "update": "update", "delete": "delete"} {
			noun := info.Noun()
			if verb == "list" {
				noun += "s"
			}
			known[verb+noun] = command
		}
	}
	a, _, _ := fcctl(t)
	tree := root(a)
	there := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.ID == "" {
				continue
			}
			there[op.ID] = true
			command, has := known[op.ID]
			switch reason := exceptions[op.ID]; {
			case has && reason != "":
				t.Errorf("%s has a command and a reason to have none", op.ID)
			case !has && reason == "":
				t.Errorf("%s %s (%s) has no command, and no reason why not", strings.ToUpper(method), path, op.ID)
			case has:
				commands := tree.Commands
				for word := range strings.SplitSeq(command, " ") {
					c := find(commands, word)
					if c == nil {
						t.Errorf("%s should be `fcctl %s`, which is no command", op.ID, command)
						break
					}
					commands = c.Subcommands
				}
			}
		}
	}
	if len(there) < 150 {
		t.Fatalf("the document has %d operations", len(there))
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if !there[id] {
			t.Errorf("there is no operation %s", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(exceptions)) {
		if !there[id] {
			t.Errorf("there is no operation %s, which stands among the exceptions", id)
		}
	}
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}
