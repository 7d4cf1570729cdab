package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// The endpoints of OAuth 2.0, and the grants of a device.
const (
	tokenPath   = "/oauth/token"
	devicePath  = "/oauth/device_authorization"
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
)

// What becomes of a device's request for a session, besides a session.
var (
	ErrDeviceDenied  = errors.New("the request was refused in the browser")
	ErrDeviceExpired = errors.New("the code ran out before anybody entered it")
)

// DeviceCode is what a device shows to its user, who lets it in from a browser
// elsewhere (RFC 8628).
type DeviceCode struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete,omitempty"` // with the code in it
	ExpiresIn               int    `json:"expires_in"`                          // seconds
	Interval                int    `json:"interval,omitempty"`                  // seconds between two questions
}

// grantAnswer is what the token endpoint answers.
type grantAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
}

func (g grantAnswer) session() *Session {
	return &Session{AccessToken: g.AccessToken, RefreshToken: g.RefreshToken, ExpiresIn: g.ExpiresIn}
}

// grant asks the token endpoint.
func (c *Client) grant(ctx context.Context, k call) (*grantAnswer, error) {
	k.method, k.path, k.open = http.MethodPost, tokenPath, true
	g := new(grantAnswer)
	if _, err := c.do(ctx, k, g); err != nil {
		return nil, err
	}
	if g.AccessToken == "" {
		return nil, fmt.Errorf("POST %s: the answer has no token; is %s a FlowCatalyst platform?", tokenPath, c.base)
	}
	return g, nil
}

// AuthorizeDevice begins a login from a browser elsewhere, for the public OAuth
// client with this client_id. Show the user the code and where to enter it, and
// call AwaitDevice.
func (c *Client) AuthorizeDevice(ctx context.Context, clientID string) (*DeviceCode, error) {
	d := new(DeviceCode)
	k := call{method: http.MethodPost, path: devicePath, form: url.Values{"client_id": {clientID}}, open: true}
	if _, err := c.do(ctx, k, d); err != nil {
		return nil, fmt.Errorf("ask for a device code: %w", err)
	}
	if d.DeviceCode == "" || d.UserCode == "" || d.VerificationURI == "" {
		return nil, fmt.Errorf("ask for a device code: the answer has none; is %s a FlowCatalyst platform?", c.base)
	}
	return d, nil
}

// AwaitDevice asks whether the user has let the device in, as often as the
// server allows, until there is a session, a refusal (ErrDeviceDenied) or
// the end of the code (ErrDeviceExpired).
func (c *Client) AwaitDevice(ctx context.Context, clientID string, d *DeviceCode) (*Session, error) {
	every := time.Duration(d.Interval) * time.Second
	if every <= 0 {
		every = 5 * time.Second
	}
	left := time.Duration(d.ExpiresIn) * time.Second
	form := url.Values{"grant_type": {deviceGrant}, "client_id": {clientID}, "device_code": {d.DeviceCode}}
	for {
		if d.ExpiresIn > 0 && left < every {
			return nil, ErrDeviceExpired
		}
		left -= every
		if err := c.sleep(ctx, every); err != nil {
			return nil, err
		}
		g, err := c.grant(ctx, call{form: form})
		if err == nil {
			return g.session(), nil
		}
		var refused *Error
		var lost *connectionError
		switch {
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError:
			switch refused.Code {
			case "authorization_pending":
			case "slow_down":
				every += 5 * time.Second
			case "access_denied":
				return nil, ErrDeviceDenied
			case "expired_token":
				return nil, ErrDeviceExpired
			default:
				return nil, fmt.Errorf("wait for the login: %w", err)
			}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case refused != nil || errors.As(err, &lost):
			// A server that is away for a moment must not cost a login.
			every *= 2
		default:
			return nil, fmt.Errorf("wait for the login: %w", err)
		}
	}
}

// RefreshDevice is Refresh for a session that began with AwaitDevice.
func (c *Client) RefreshDevice(ctx context.Context, clientID, refreshToken string) (*Session, error) {
	g, err := c.grant(ctx, call{form: url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {refreshToken}}})
	if err != nil {
		return nil, fmt.Errorf("refresh the session: %w", err)
	}
	return g.session(), nil
}

// RevokeDevice ends a session that began with AwaitDevice.
func (c *Client) RevokeDevice(ctx context.Context, clientID, refreshToken string) error {
	form := url.Values{"client_id": {clientID}, "token": {refreshToken}, "token_type_hint": {"refresh_token"}}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: "/oauth/revoke", form: form, open: true}, nil); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

// Logout ends a session that began with Login. That it has ended already is no
// error.
func (c *Client) Logout(ctx context.Context, refreshToken string) error {
	body := map[string]string{"refreshToken": refreshToken}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: "/auth/logout", body: body, open: true}, nil); err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}

// ClientCredentials is a TokenSource for a machine: tokens of a confidential
// OAuth client, fetched when they are needed and kept in memory.
type ClientCredentials struct {
	// Client asks for the tokens. It needs no token of its own.
	Client *Client
	// ClientID and Secret are those of the OAuth client.
	ClientID, Secret string

	mu      sync.Mutex
	token   string
	expires time.Time
}

// Token implements TokenSource.
func (s *ClientCredentials) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && time.Now().Before(s.expires) {
		return s.token, nil
	}
	// Both are escaped before they are joined (RFC 6749 §2.3.1).
	k := call{form: url.Values{"grant_type": {"client_credentials"}}, user: url.QueryEscape(s.ClientID), secret: url.QueryEscape(s.Secret)}
	g, err := s.Client.grant(ctx, k)
	if err != nil {
		return "", fmt.Errorf("with client credentials: %w", err)
	}
	life := time.Duration(g.ExpiresIn) * time.Second
	s.token, s.expires = g.AccessToken, time.Now().Add(life-min(early, life/2))
	return s.token, nil
}

// Reject implements TokenSource.
func (s *ClientCredentials) Reject(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == token {
		s.token = ""
	}
}
