package apidoc

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// parameter is what a parameter of a name means wherever its own row does not
// say it, and a value to try.
type parameter struct {
	name, description string
	example           any
}

// The words of several parameters.
const (
	someID     = "0HZXEQ5Y8JY5Z"
	someTime   = "2026-01-02T15:04:05.678Z"
	someType   = "shop:sales:order:placed"
	someCursor = "MQBldmVudHMANDQwMTY0NjM2NzQ3Mjc0MTQw"
	someTarget = "https://hooks.example.com/orders"
)

var pathParameters = []parameter{
	{"id", "The id", someID},
	{"appCode", "", "shop"},
	{"applicationId", "", "shop"},
	{"clientId", "The id or the identifier of the client", "acme"},
	{"code", "The code", "shop"},
	{"entityId", "The id of what the entries are about", "sub_" + someID},
	{"entityType", "What sort of thing the entries are about", "Subscription"},
	{"eventId", "The id of the event", someID},
	{"identifier", "The identifier of the client", "acme"},
	{"name", "", "con_" + someID},
	{"orderKey", "", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
	{"permission", "The permission: application:context:aggregate:action", "shop:sales:order:view"},
	{"principalId", "The id of who did it", "prn_" + someID},
	{"role", "", "shop:clerk"},
	{"source", "Where the roles come from: CODE, DATABASE or SDK", "DATABASE"},
	{"tokenId", "The id of the token", someID},
	{"version", "", "1"},
}

var queryParameters = []parameter{
	{"acknowledged", "Only warnings that somebody has, or nobody has, acknowledged", "false"},
	{"active", "Only those that are, or are not, active", "true"},
	{"after", "", someCursor},
	{"aggregate", "", "order"},
	{"aggregates", "", []string{"order"}},
	{"application", "", "shop"},
	{"applicationCode", "Only roles of this application", "shop"},
	{"applications", "", []string{"shop"}},
	{"category", "Only warnings of this category", "CONFIGURATION"},
	{"clientId", "Only what belongs to this client, by id or identifier", "acme"},
	{"clientIds", "", []string{"acme"}},
	{"clientManaged", "Only roles that clients may, or may not, give to their people", "true"},
	{"client_id", "", "acme"},
	{"code", "Only the one with this code", "orders"},
	{"codes", "", []string{someType}},
	{"correlationId", "Only what has this correlation id", "checkout-7781"},
	{"cursor", "", someCursor},
	{"domain", "", "example.com"},
	{"email", "Only the person with this email address", "ada@example.com"},
	{"endpoint", "", "warehouse"},
	{"entityId", "Only entries about the thing with this id", "sub_" + someID},
	{"entityType", "", []string{"Subscription"}},
	{"eventId", "Only what was made of this event", someID},
	{"heads", "", true},
	{"lastEventId", "", someID},
	{"limit", "", 50},
	{"managedBy", "", "orders"},
	{"messageGroup", "Only what is of this message group", "order-1001"},
	{"messageId", "", someID + ".1"},
	{"operation", "", []string{"UPDATE"}},
	{"orderKey", "Only what is of this order key", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
	{"origin", "", "PLATFORM"},
	{"page", "", 0},
	{"pageSize", "", 50},
	{"pagination[page]", "", 0},
	{"pagination[size]", "", 50},
	{"poolCode", "Only messages of this pool", "DEFAULT-POOL"},
	{"principalId", "", "prn_" + someID},
	{"q", "", "ac"},
	{"reason", "", "RETRIES_EXHAUSTED"},
	{"removeUnlisted", "", false},
	{"replayId", "", "rpl_" + someID},
	{"roles", "", []string{"shop:clerk"}},
	{"scope", "", "CLIENT"},
	{"severity", "Only warnings of this severity", "ERROR"},
	{"since", "", someTime},
	{"size", "", 50},
	{"source", "Only what is from this source", "/shop"},
	{"state", "Only messages in this state", "STARTED"},
	{"status", "Only what is in this state", "ACTIVE"},
	{"statuses", "", []string{"PENDING"}},
	{"subdomain", "", "sales"},
	{"subdomains", "", []string{"sales"}},
	{"subject", "Only what is about this subject", "order/1001"},
	{"subscriptionId", "", "ship-notifications"},
	{"token", "The token of the link that was sent", "example-of-a-token"},
	{"type", "", []string{someType}},
	{"types", "", []string{someType}},
	{"until", "", "2026-01-03T00:00:00Z"},
}

// ownParameters mean something else with one operation.
var ownParameters = map[string][]parameter{
	"authorize": {
		{"response_type", "", "code"},
		{"client_id", "Who asks", "shop-web"},
		{"redirect_uri", "", "https://shop.example.com/callback"},
		{"scope", "", "openid profile email"},
		{"state", "", "af0ifjsldkj"},
		{"nonce", "", "n-0S6_WzA2Mj"},
		{"code_challenge", "", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
		{"code_challenge_method", "", "S256"},
		{"prompt", "", "login"},
		{"max_age", "", "3600"},
		{"login_hint", "", "ada@example.com"},
	},
	"devicePage":   {{"user_code", "", "BCDF-GHJK"}},
	"oidcLogin":    {{"domain", "", "example.com"}, {"email", "", "ada@example.com"}, {"return_url", "", "/docs"}},
	"oidcCallback": {{"state", "", "c3RhdGU"}, {"code", "", "Y29kZQ"}, {"error", "", "access_denied"}, {"iss", "", "https://login.example.com"}},
	"signInPage":   {{"return_url", "", "/docs"}, {"email", "", "ada@example.com"}, {"again", "", "true"}},
}

var headerParameters = []parameter{
	{"Idempotency-Key", "", "4f1c9a3e-0f5e-4a34-9d0f-6a6f0f6b8f11"},
	{"If-Match", "", `"3"`},
	{"If-None-Match", "", `"3"`},
	{"Last-Event-ID", "", someID},
}

var parameters = map[string][]parameter{"path": pathParameters, "query": queryParameters, "header": headerParameters}

// explain says of each parameter what it means and what it may be, unless its
// row does.
func explain(op *huma.Operation) {
	for _, p := range op.Parameters {
		if p.Description == "" && p.Schema != nil && p.Schema.Description != "" {
			p.Description, p.Schema.Description = p.Schema.Description, ""
		}
		for _, known := range append(ownParameters[op.OperationID], parameters[p.In]...) {
			if known.name != p.Name {
				continue
			}
			if p.Description == "" {
				p.Description = known.description
			}
			if p.Example == nil {
				p.Example = fit(known.example, p.Schema)
			}
		}
	}
}

// fit is an example in the form that a schema wants: a list or its first, one
// of the values that there are.
func fit(example any, schema *huma.Schema) any {
	if schema == nil {
		return example
	}
	words, many := example.([]string)
	text, isText := example.(string)
	switch {
	case schema.Type == "array" && isText:
		return []string{text}
	case schema.Type != "array" && many:
		example = words[0]
	}
	if len(schema.Enum) > 0 {
		for _, value := range schema.Enum {
			if value == example {
				return example
			}
		}
		return schema.Enum[0]
	}
	return example
}

// setPath gives the parameters of a path the values that an example was
// recorded with.
func setPath(op *huma.Operation, values map[string]string) {
	for _, p := range op.Parameters {
		if v, ok := values[p.Name]; ok && p.In == "path" && !strings.ContainsRune(v, '{') {
			p.Example = v
		}
	}
}
