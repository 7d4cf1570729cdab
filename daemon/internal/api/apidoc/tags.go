package apidoc

// tag is a group of operations and what it is about.
type tag struct{ Name, Description string }

// tags stand in the document in this order.
var tags = []tag{
	{"events", "Publish what happened, one by one or in batches, and look at what was published."},
	{"event-types", "The kinds of events, with the schemas that their data must follow."},
	{"subscriptions", "Which events go to which endpoint, in which order and with how many tries."},
	{"connections", "Endpoints: their URL, signing, authentication and limits, and whether they are paused."},
	{"dispatch-pools", "Classes of traffic, each with its concurrency and its rate."},
	{"dispatch-jobs", "One event for one subscription, or a delivery without an event: its state and each attempt."},
	{"dead-letters", "Jobs that ended without success: try them again or give them up, one by one or many at a time."},
	{"groups", "Order keys that a dead letter blocks."},
	{"replays", "Send events of the past again."},
	{"expunges", "Erase what is kept of a person or a client, with a receipt."},
	{"monitoring", "What the router does now, and what to tune while it runs."},
	{"resources", "Plan and apply of manifests."},
	{"sync", "Applications declare what they have; a second identical call changes nothing."},
	{"clients", "Tenants: to whom events, resources and people belong."},
	{"applications", "What publishes or receives, and how it is configured for each client."},
	{"principals", "People: what they may do and which clients they reach."},
	{"roles", "Named sets of permissions."},
	{"service-accounts", "Machines: their tokens, signing secrets and roles."},
	{"oauth-clients", "Programs that ask for tokens over OAuth 2.0."},
	{"anchor-domains", "Email domains whose people reach every client."},
	{"client-auth-configs", "How people of an email domain sign in and which clients they reach."},
	{"idp-role-mappings", "Which roles of an identity provider become which roles here."},
	{"audit", "Who changed what, and what applications report of themselves."},
	{"oauth", "The OAuth 2.0 and OpenID Connect server: its endpoints for programs, and the pages that browsers are sent to. Errors are those of RFC 6749."},
	{"auth", "Signing in and out, sessions and keys."},
	{"system", "The platform itself."},
}
