package client

import (
	"context"
	"encoding/json"
	"net/url"
)

// Call sends a request to a route that has no method of its own here and
// returns the answer's body. The body, if not nil, goes as JSON; a POST that is
// repeated is carried out once.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error) {
	var raw json.RawMessage
	k := call{method: method, path: path, query: query, body: body}
	if method == "POST" {
		k.key = newKey()
	}
	_, err := c.do(ctx, k, &raw)
	return raw, err
}

// The ways in which people of an email domain sign in.
const (
	SignInPassword = "INTERNAL"
	SignInOIDC     = "OIDC"
)

// SignInWay says how people of an email address's domain sign in. The answer
// tells nothing of the address itself.
func (c *Client) SignInWay(ctx context.Context, email string) (string, error) {
	var answer struct {
		AuthMethod string `json:"authMethod"`
	}
	k := call{method: "GET", path: "/auth/check-domain", query: url.Values{"email": {email}}, open: true}
	_, err := c.do(ctx, k, &answer)
	return answer.AuthMethod, err
}
