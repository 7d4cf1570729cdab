package api

import (
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// script calls every operation once, as a shop would: northwind is a client
// whose orders go to its warehouse.
func (x *examples) script() {
	x.t.Helper()
	x.scriptFirst()
	x.scriptTenants()
	x.scriptPeople()
	x.scriptMachines()
	x.scriptResources()
	x.scriptFlow()
	x.scriptLetters()
	x.scriptRouter()
	x.scriptSync()
	x.scriptAudit()
	x.scriptOAuth()
	x.scriptSessions()
	x.scriptEnds()
}

func (x *examples) scriptFirst() {
	token, err := x.options.SignIn.Bootstrap(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	x.names["bootstrap"] = token
	x.call("bootstrap", `{"token":"{bootstrap}","email":"root@example.com","name":"Root","password":"several unlikely words"}`)
}

func (x *examples) scriptTenants() {
	x.keep("app", "createApplication", `{"code":"shop","name":"Shop","description":"Takes orders and ships them"}`)
	x.call("listApplications", "")
	x.call("getApplication", "", "id=shop")
	x.call("getApplicationById", "", "id={app}")
	x.call("getApplicationByCode", "", "code=shop")
	x.call("updateApplication", `{"description":"Takes orders"}`, "id=shop")

	x.keep("client", "createClient", `{"identifier":"northwind","name":"Northwind Traders"}`)
	x.call("listClients", "", "?code=northwind")
	x.call("searchClients", "", "?q=north")
	x.call("getClient", "", "id={client}")
	x.call("getClientByIdentifier", "", "identifier=northwind")
	x.call("updateClient", `{"name":"Northwind Traders Ltd"}`, "id={client}")
	x.call("suspendClient", `{"reason":"unpaid"}`, "id={client}")
	x.call("deactivateClient", `{"reason":"season is over"}`, "id={client}")
	x.call("activateClient", `{"reason":"paid"}`, "id={client}")
	x.call("addClientNote", `{"category":"billing","text":"Pays by the quarter"}`, "id={client}")
	x.call("enableClientApplication", "", "id={client}", "applicationId=shop")
	x.call("listClientApplications", "", "id={client}")
	x.call("disableClientApplication", "", "id={client}", "applicationId=shop")
	x.call("setClientApplications", `{"enabledApplicationIds":["{app}"]}`, "id={client}")
	x.call("setApplicationClient", `{"enabled":true,"baseUrlOverride":"https://northwind.example.com"}`, "id=shop", "clientId=northwind")
	x.call("listApplicationClients", "", "id=shop")

	x.keep("anchor", "createAnchorDomain", `{"domain":"example.com"}`)
	x.call("listAnchorDomains", "")
	x.call("getAnchorDomain", "", "id={anchor}")
	x.call("updateAnchorDomain", `{"protected":false}`, "id={anchor}")
	x.keep("auth", "createClientAuthConfig", `{"emailDomain":"northwind.example.com","configType":"CLIENT","primaryClientId":"northwind"}`)
	x.call("listClientAuthConfigs", "")
	x.call("getClientAuthConfig", "", "id={auth}")
	x.call("updateClientAuthConfig", `{"additionalClientIds":["globex"]}`, "id={auth}")
	x.keep("mapping", "createIdpRoleMapping", `{"idpRoleName":"operators","roleName":"platform:viewer"}`)
	x.call("listIdpRoleMappings", "")
	x.call("getIdpRoleMapping", "", "id={mapping}")
	x.call("updateIdpRoleMapping", `{"protected":false}`, "id={mapping}")
}

func (x *examples) scriptPeople() {
	const role = "shop:clerk"
	x.call("createRole", `{"applicationCode":"shop","roleName":"clerk","displayName":"Clerk","description":"Sees orders","permissions":["shop:sales:order:view"],"clientManaged":true}`)
	x.call("listRoles", "", "?applicationCode=shop")
	x.call("getRole", "", "id="+role)
	x.call("getRoleByCode", "", "code="+role)
	x.call("listRolesBySource", "", "source=DATABASE")
	x.call("listRolesOfApplication", "", "applicationId=shop")
	x.call("listApplicationRoles", "", "id={app}")
	x.call("listRoleApplications", "")
	x.call("listPermissions", "")
	x.call("getPermission", "", "permission=platform:messaging:event:create")
	x.call("updateRole", `{"displayName":"Order clerk"}`, "id="+role)
	x.call("grantPermission", `{"permission":"shop:sales:order:create"}`, "id="+role)
	x.call("revokePermission", "", "id="+role, "permission=shop:sales:order:create")

	x.call("checkEmailDomain", "", "?domain=northwind.example.com")
	x.keep("person", "createUser", `{"email":"ada@northwind.example.com","name":"Ada Byron","clientId":"northwind","password":"several unlikely words"}`)
	x.keep("second", "createPrincipal", `{"email":"bo@northwind.example.com","name":"Bo Ek","clientId":"northwind","password":"several unlikely words"}`)
	x.call("listPrincipals", "", "?clientId=northwind")
	x.call("getPrincipal", "", "id={person}")
	x.call("updatePrincipal", `{"firstName":"Ada","lastName":"Lovelace"}`, "id={person}")
	x.call("forgetIdentity", "", "id={person}")
	x.call("deactivatePrincipal", "", "id={person}")
	x.call("activatePrincipal", "", "id={person}")
	x.call("setPrincipalPassword", `{"newPassword":"other unlikely words"}`, "id={person}")
	x.call("assignRole", `{"role":"shop:clerk"}`, "id={person}")
	x.call("listPrincipalRoles", "", "id={person}")
	x.call("removeRole", "", "id={person}", "role="+role)
	x.call("setPrincipalRoles", `{"roles":["shop:clerk","platform:viewer"]}`, "id={person}")
	x.call("grantClientAccess", `{"clientId":"globex"}`, "id={person}")
	x.call("listClientAccess", "", "id={person}")
	x.call("revokeClientAccess", "", "id={person}", "clientId=globex")
	x.call("listAvailableApplications", "", "id={person}")
	x.call("setApplicationAccess", `{"applicationIds":["{app}"]}`, "id={person}")
	x.call("listApplicationAccess", "", "id={person}")
}

func (x *examples) scriptMachines() {
	var made struct{ ClientID, ClientSecret string }
	x.call("provisionServiceAccount", "", "id=shop").into(&made)
	x.names["cid"], x.names["csecret"] = made.ClientID, made.ClientSecret
	x.call("getApplicationServiceAccount", "", "id=shop")
	x.call("createApplication", `{"code":"billing","name":"Billing"}`)
	x.call("provisionServiceAccountOld", "", "id=billing")
	x.keep("account", "createServiceAccount", `{"code":"warehouse-robot","name":"Warehouse robot","clientIds":["northwind"]}`)
	x.call("listServiceAccounts", "", "?code=warehouse-robot")
	x.call("getServiceAccount", "", "id={account}")
	x.call("getServiceAccountByCode", "", "code=warehouse-robot")
	x.call("updateServiceAccount", `{"name":"Robot of the warehouse"}`, "id={account}")
	x.call("setServiceAccountRoles", `{"roles":["platform:application-service"]}`, "id={account}")
	x.call("listServiceAccountRoles", "", "id={account}")
	x.keep("token", "createServiceAccountToken", `{"name":"deploys"}`, "id={account}")
	x.call("listServiceAccountTokens", "", "id={account}")
	x.call("revokeServiceAccountToken", "", "id={account}", "tokenId={token}")
	x.call("regenerateServiceAccountToken", "", "id={account}")
	x.call("regenerateServiceAccountSecret", "", "id={account}")

	x.keep("oauth", "createOAuthClient", `{"clientId":"shop-web","clientName":"Shop","clientType":"CONFIDENTIAL","redirectUris":["https://shop.example.com/callback"],"grantTypes":["authorization_code"],"pkceRequired":true,"applicationIds":["{app}"]}`)
	x.call("listOAuthClients", "")
	x.call("getOAuthClient", "", "id={oauth}")
	x.call("getOAuthClientByClientId", "", "clientId=shop-web")
	x.call("updateOAuthClient", `{"clientName":"Shop front"}`, "id={oauth}")
	x.call("deactivateOAuthClient", "", "id={oauth}")
	x.call("activateOAuthClient", "", "id={oauth}")
	x.call("rotateOAuthClientSecret", "", "id={oauth}")
	x.call("regenerateOAuthClientSecret", "", "id={oauth}")
}

func (x *examples) scriptResources() {
	const placed = "shop:sales:order:placed"
	x.keep("type", "createEventType", `{"code":"shop:sales:order:placed","name":"Order placed","clientId":"northwind","validation":"WARN","specVersions":[{"version":"1","schema":{"type":"object","required":["total"],"properties":{"total":{"type":"number"}}}}]}`)
	x.call("listEventTypes", "", "?application=shop")
	x.call("getEventType", "", "id={type}")
	x.call("getEventTypeByCode", "", "code="+placed)
	x.call("updateEventType", `{"description":"A customer has ordered"}`, "id={type}")
	x.call("addEventTypeVersion", `{"schema":{"type":"object","required":["total","currency"],"properties":{"total":{"type":"number"},"currency":{"type":"string"}}}}`, "id={type}")
	x.call("finaliseEventTypeVersion", "", "id={type}", "version=1")
	x.call("validateEventData", `{"data":{"total":120}}`, "id={type}")

	x.keep("pool", "createDispatchPool", `{"code":"priority","name":"Priority","clientId":"northwind","concurrency":20,"rateLimit":6000}`)
	x.call("listDispatchPools", "", "?clientId=northwind")
	x.call("getDispatchPool", "", "id={pool}")
	x.call("updateDispatchPool", `{"concurrency":30}`, "id={pool}")
	x.call("suspendDispatchPool", "", "id={pool}")
	x.call("activateDispatchPool", "", "id={pool}")
	x.call("tunePool", `{"concurrency":25,"rate_limit_per_minute":9000}`, "code={pool}")

	x.keep("conn", "createConnection", `{"code":"warehouse","name":"Warehouse","clientId":"northwind","url":"https://warehouse.example.com/hooks","maxConcurrency":8,"signing":{"scheme":"standard-webhooks","secret":"whsec_Zm9yLXlvdXItb3duLW1hY2hpbmUtb25seQ=="}}`)
	x.call("listConnections", "", "?clientId=northwind")
	x.call("getConnection", "", "id={conn}")
	x.call("updateConnection", `{"maxConcurrency":16}`, "id={conn}")
	x.call("pauseConnection", "", "id={conn}")
	x.call("resumeConnection", "", "id={conn}")
	x.call("rotateConnectionSecret", `{}`, "id={conn}")
	x.call("testConnection", `{"data":{"orderId":"A-1"}}`, "id={conn}")

	x.keep("sub", "createSubscription", `{"code":"ship-orders","name":"Ship orders","clientId":"northwind","eventTypes":[{"eventTypeCode":"shop:sales:order:*","filter":"data.total > 100.0"}],"connectionCode":"warehouse","dispatchPoolCode":"priority","mode":"BLOCK_ON_ERROR","maxRetries":5,"timeoutSeconds":30}`)
	x.call("listSubscriptions", "", "?clientId=northwind")
	x.call("getSubscription", "", "id={sub}")
	x.call("updateSubscription", `{"timeoutSeconds":10}`, "id={sub}")
	x.call("pauseSubscription", "", "id={sub}")
	x.call("resumeSubscription", "", "id={sub}")
	x.call("apply", `{"manifest":"orders","clientId":"northwind","dryRun":true,"changes":[{"action":"create","kind":"dispatch_pool","code":"bulk","resource":{"code":"bulk","concurrency":4}}]}`)
}

func (x *examples) scriptFlow() {
	const event = `{"type":"shop:sales:order:placed","source":"/shop","subject":"order/1001","clientId":"northwind","messageGroup":"order-1001","deduplicationId":"order-1001-placed","correlationId":"checkout-7781","data":{"order":1001,"total":120,"currency":"EUR"},"contextData":[{"key":"channel","value":"web"}]}`
	x.keep("event", "publishEvent", event)
	x.call("publishEvents", `{"items":[{"type":"shop:sales:order:placed","source":"/shop","clientId":"northwind","messageGroup":"order-1001","data":{"order":1001,"total":240}},{"type":"not a type"}]}`)
	x.fanOut()
	x.call("listEvents", "", "?limit=2")
	x.call("getEvent", "", "id={event}")
	x.call("explainEvent", "", "id={event}")
	x.call("listRawEvents", "", "?size=2")
	x.call("eventFilterOptions", "")

	x.keep("task", "createDispatchJob", `{"code":"shop:sales:invoice:send","source":"/shop","clientId":"northwind","targetUrl":"https://hooks.example.com/invoices","payload":"{\"invoice\":7}","metadata":{"run":"nightly"}}`, "header Idempotency-Key=invoice-7")
	x.failOnce(x.names["task"])
	const tasks = `{"items":[{"code":"shop:sales:invoice:send","targetUrl":"https://hooks.example.com/invoices","payload":"{\"invoice\":8}","idempotencyKey":"invoice-8"},{"code":"shop:sales:invoice:send"}]}`
	x.call("createDispatchJobs", tasks)
	x.call("createDispatchJobsOld", tasks)
	x.call("listDispatchJobs", "", "?limit=2&clientId=northwind")
	x.call("getDispatchJob", "", "id={task}")
	x.call("listAttempts", "", "id={task}")
	x.call("getRawDispatchJob", "", "id={task}")
	x.call("listRawDispatchJobs", "", "?size=2")
	x.call("listDispatchJobsByEvent", "", "eventId={event}")
	x.call("dispatchJobFilterOptions", "")
	x.call("cancelDispatchJob", "", "id={task}")
	x.call("statistics", "")
	x.call("dashboard", "")
	x.call("createReplay", `{"since":"2026-01-01T00:00:00Z","type":"shop:sales:order:*","clientId":"northwind","rate":"100/s"}`, "header Idempotency-Key=replay-1")
	x.names["replay"] = x.call("listReplays", "").get("replays").([]any)[0].(map[string]any)["id"].(string)
	x.call("getReplay", "", "id={replay}")
	x.call("updateReplay", `{"rate":"20/s"}`, "id={replay}")
	x.call("pauseReplay", "", "id={replay}")
	x.call("resumeReplay", "", "id={replay}")
	x.call("cancelReplay", "", "id={replay}")
}

// blocked makes an event of a group of its own whose job is a dead letter,
// and another one that waits behind it.
func (x *examples) blocked(group string) {
	x.t.Helper()
	const path = "/api/events"
	event := `{"type":"shop:sales:order:placed","source":"/shop","clientId":"northwind","messageGroup":"` + group + `","data":{"total":130}}`
	first := x.do("POST", path, x.admin(), event).is(201).id()
	x.do("POST", path, x.admin(), event).is(201)
	x.fanOut()
	var jobs []JobView
	x.do("GET", "/api/dispatch-jobs/by-event/"+first, x.admin(), "").is(200).into(&jobs)
	x.end(x.begin(jobs[0].ID), flow.Reject)
	x.names["letter"], x.names["key"] = jobs[0].ID, jobs[0].OrderKey
}

func (x *examples) scriptLetters() {
	x.blocked("order-2001")
	x.call("listDeadLetters", "")
	x.call("getDeadLetter", "", "id={letter}")
	x.call("listBlockedGroups", "")
	x.call("cancelWaitingOfGroup", "", "orderKey={key}")
	x.call("retryGroup", "", "orderKey={key}")
	x.blocked("order-2002")
	x.call("skipGroup", "", "orderKey={key}")
	x.blocked("order-2003")
	x.call("retryDispatchJob", "", "id={letter}")
	x.blocked("order-2004")
	x.call("skipDispatchJob", "", "id={letter}")
	x.blocked("order-2005")
	x.call("retryDeadLetter", "", "id={letter}")
	x.blocked("order-2006")
	x.call("discardDeadLetter", `{"note":"the order was cancelled by hand"}`, "id={letter}")
	x.keep("bulk", "retryDeadLetters", `{"subscriptionId":"{sub}","reason":"RETRIES_EXHAUSTED"}`)
	x.call("discardDeadLetters", `{"all":true,"clientId":"northwind","note":"older than the shop"}`)
	x.call("listDeadLetterTasks", "")
	x.call("getDeadLetterTask", "", "id={bulk}")
	x.call("cancelDeadLetterTask", "", "id={bulk}")
	x.keep("expunge", "expungeEvents", `{"subject":"order/0007","clientId":"northwind","reason":"request 17"}`)
	x.call("listExpunges", "")
	x.call("getExpunge", "", "id={expunge}")
	x.call("cancelExpunge", "", "id={expunge}")
}

func (x *examples) scriptRouter() {
	now := time.Now()
	x.hold(store.Hold{Endpoint: x.names["conn"], Reason: store.HoldBreaker, Until: now.Add(20 * time.Second), Window: 1, Trips: 3, Detail: "10 failures in a row, the last: connection refused", Since: now})
	x.warnings.Warn(telemetry.Warning{Category: "CONFIGURATION", Severity: telemetry.Error, Message: "the receiver answered 404", Source: x.names["sub"], ClientID: x.names["client"]})
	for _, op := range []string{
		"monitoring", "monitoringHealth", "monitoringPools", "poolStats", "getApiMonitoringPoolStats", "endpointStats", "queueStats", "consumerHealth",
		"standbyStatus", "getApiMonitoringStandbyStatus", "circuitBreakers", "getApiMonitoringCircuitBreakers", "inFlightMessages", "getApiMonitoringInFlightMessages",
	} {
		x.call(op, "")
	}
	x.names["warning"] = x.call("warnings", "").get("warnings").([]any)[0].(map[string]any)["id"].(string)
	x.call("acknowledgeWarning", "", "id={warning}")
	x.call("resetCircuitBreaker", "", "name={conn}")
	x.call("checkInFlightMessage", "", "?messageId={task}.1")
	x.call("checkInFlightMessages", `{"messageIds":["{task}.1","{task}.2"]}`)
	x.call("publishMessages", `{"id":"invoice-9","poolCode":"DEFAULT-POOL","mediationType":"HTTP","mediationTarget":"https://hooks.example.com/invoices","payload":"{\"invoice\":9}"}`)
	x.call("peekQueue", "", "name=default", "?limit=10")
	x.strayMessage("its mediationType is unknown; this router knows only HTTP")
	x.call("queueDeadLetters", "", "name=default")
	x.call("redriveQueue", "", "name=default")
	x.call("purgeQueue", "", "name=default")
}

func (x *examples) scriptSync() {
	x.call("syncRoles", `{"roles":[{"name":"packer","displayName":"Packer","permissions":["shop:sales:order:view"]}]}`, "appCode=shop")
	x.call("syncEventTypes", `{"eventTypes":[{"code":"shop:sales:order:shipped","name":"Order shipped"}]}`, "appCode=shop")
	x.call("syncSubscriptions", `{"subscriptions":[{"code":"mail","name":"Mail","target":"https://hooks.example.com/mail","eventTypes":[{"eventTypeCode":"shop:sales:order:shipped"}],"dispatchPoolCode":"mail"}]}`, "appCode=shop")
	x.call("syncDispatchPools", `{"pools":[{"code":"mail","name":"Mail","concurrency":4,"rateLimit":600}]}`, "appCode=shop")
	x.call("syncPrincipals", `{"principals":[{"email":"cy@northwind.example.com","name":"Cy Ng","roles":["packer"]}]}`, "appCode=shop")
}

func (x *examples) scriptAudit() {
	const report = `{"items":[{"id":"0HZXEQ5Y8JY5Z","entityType":"Order","entityId":"1001","operation":"SHIP","operationData":{"carrier":"north"},"principalId":"u-7","performedAt":"2026-01-02T15:04:05.678Z","source":"/shop","clientId":"northwind"}]}`
	x.call("reportAuditLogs", report)
	x.call("reportAuditLogsOld", report)
	logs := x.call("listAuditLogs", "", "?entityType=Subscription&operation=PAUSE").get("auditLogs").([]any)
	x.names["entry"] = logs[0].(map[string]any)["id"].(string)
	x.call("getAuditLog", "", "id={entry}")
	x.call("recentAuditLogs", "")
	x.call("auditLogsOfPrincipal", "", "principalId=prn_ADMIN")
	x.call("auditLogsOfEntity", "", "entityType=Subscription", "entityId={sub}")
	x.call("auditEntityTypes", "")
	x.call("auditOperations", "")
	x.call("auditClientIds", "")
	x.call("auditApplicationIds", "")
}

func (x *examples) scriptOAuth() {
	x.call("openidConfiguration", "")
	x.call("oauthServerMetadata", "")
	var s struct {
		AccessToken string `json:"access_token"`
	}
	x.call("token", `{"grant_type":"client_credentials","client_id":"{cid}","client_secret":"{csecret}"}`).into(&s)
	x.names["issued"] = s.AccessToken
	x.call("introspect", `{"token":"{issued}","client_id":"{cid}","client_secret":"{csecret}"}`)
	x.call("revoke", `{"token":"{issued}","client_id":"{cid}","client_secret":"{csecret}"}`)
	x.call("authorizeDevice", `{"client_id":"fcctl","scope":"openid offline_access"}`)
	x.call("userinfo", "")
	x.call("userinfoPost", "")
}

func (x *examples) scriptSessions() {
	x.call("jwks", "")
	x.call("health", "")
	x.call("openapi", "")
	x.call("docs", "")
	x.call("checkDomain", "", "?email=ada@northwind.example.com")
	var s sessionAnswer
	x.call("login", `{"email":"ada@northwind.example.com","password":"other unlikely words"}`).into(&s)
	x.names["refresh"] = s.RefreshToken
	x.call("refresh", `{"refreshToken":"{refresh}"}`).into(&s)
	x.names["access"], x.names["refresh"] = s.AccessToken, s.RefreshToken
	x.call("me", "", "token={access}")
	x.call("listSessions", "", "token={access}")
	x.call("changePassword", `{"currentPassword":"other unlikely words","newPassword":"yet more unlikely words"}`, "token={access}")
	x.call("logout", `{"refreshToken":"{refresh}"}`)
	signIn := func() {
		x.do("POST", "/auth/login", "", `{"email":"ada@northwind.example.com","password":"yet more unlikely words"}`).is(200).into(&s)
		x.names["access"], x.names["session"] = s.AccessToken, s.SessionID
	}
	signIn()
	x.call("endSession", "", "id={session}", "token={access}")
	signIn()
	x.call("logoutEverywhere", "", "token={access}")
	x.call("sendPasswordReset", "", "id={person}")
	x.call("requestPasswordReset", `{"email":"ada@northwind.example.com"}`)
	x.names["mailed"] = x.mailed("ada@northwind.example.com")
	x.call("validatePasswordReset", "", "?token={mailed}")
	x.call("validatePasswordResetToken", `{"token":"{mailed}"}`)
	x.call("confirmPasswordReset", `{"token":"{mailed}","password":"words that nobody guesses"}`)
}

// scriptEnds takes away what was made.
func (x *examples) scriptEnds() {
	x.call("deprecateEventTypeVersion", "", "id={type}", "version=1")
	x.call("archiveEventType", "", "id={type}")
	x.call("deleteSubscription", "", "id={sub}")
	x.call("deleteConnection", "", "id={conn}")
	x.call("deleteDispatchPool", "", "id={pool}")
	x.call("deleteEventType", "", "id={type}")
	x.call("deleteOAuthClient", "", "id={oauth}")
	x.call("deleteServiceAccount", "", "id={account}")
	x.call("deletePrincipal", "", "id={second}")
	x.call("deleteIdpRoleMapping", "", "id={mapping}")
	x.call("deleteClientAuthConfig", "", "id={auth}")
	x.call("deleteAnchorDomain", "", "id={anchor}")
	x.call("deletePrincipal", "", "id={person}")
	x.do("PUT", "/api/applications/shop/clients/northwind", x.admin(), `{"enabled":false}`).is(200)
	x.keep("spare", "createApplication", `{"code":"spare","name":"Spare"}`)
	x.call("deleteApplication", "", "id={spare}")
	x.do("POST", "/api/roles", x.admin(), `{"applicationCode":"shop","roleName":"spare"}`).is(201)
	x.call("deleteRole", "", "id=shop:spare")
	x.call("deleteClient", "", "id={client}")
}
