package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// Options say which server to speak to, as whom and how patiently.
type Options struct {
	// URL is the platform's address, such as "https://events.example.com". A
	// path is kept as a prefix.
	URL string
	// Token is a bearer token. TokenSource wins over it; with neither, only
	// the routes that need no token answer.
	Token       string
	TokenSource TokenSource
	// HTTPClient sends the requests; nil means DefaultHTTPClient.
	HTTPClient *http.Client
	// UserAgent names the program; "flowcatalyst-go" is added to it.
	UserAgent string
	// Retries is how often a request is repeated; 0 means DefaultRetries and
	// a negative number never.
	Retries int
}

// DefaultRetries is how often a request is repeated unless Options say
// otherwise. With the pauses between them that is about eight seconds.
const DefaultRetries = 5

// DefaultHTTPClient is what requests are sent with by default: bounded in
// time, so that a silent server ends a call even where the context does not.
var DefaultHTTPClient = &http.Client{Timeout: 60 * time.Second}

// A Client is a handle on one server. It may be used by many goroutines at
// once. (A tenant, which the platform also calls a client, is a clientId.)
type Client struct {
	// Events publishes events and reads them back.
	Events *Events
	// Jobs are deliveries: of an event to a subscription, or tasks of their
	// own.
	Jobs *Jobs
	// Replays send events again.
	Replays *Replays
	// DeadLetters are jobs that ended without delivery.
	DeadLetters *DeadLetters
	// Groups are message groups that a dead letter blocks.
	Groups *Groups
	// Router watches the router and steers it.
	Router *Router

	base    *url.URL
	tokens  TokenSource
	http    *http.Client
	agent   string
	retries int
	sleep   func(context.Context, time.Duration) error
}

// New makes a client. It opens no connection.
func New(o Options) (*Client, error) {
	if o.URL == "" {
		return nil, errors.New("new client: no URL; give one such as https://events.example.com")
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("new client: %q is not a URL such as https://events.example.com", redact(o.URL))
	}
	if u.User != nil {
		return nil, errors.New("new client: the URL must not carry a user or password; log in instead")
	}
	u.Path, u.RawPath, u.RawQuery, u.Fragment = strings.TrimRight(u.Path, "/"), "", "", ""

	c := &Client{base: u, tokens: o.TokenSource, http: o.HTTPClient, retries: o.Retries, sleep: sleep}
	if c.tokens == nil && o.Token != "" {
		c.tokens = StaticToken(o.Token)
	}
	if c.http == nil {
		c.http = DefaultHTTPClient
	}
	switch {
	case c.retries == 0:
		c.retries = DefaultRetries
	case c.retries < 0:
		c.retries = 0
	}
	c.agent = strings.TrimSpace(o.UserAgent + " flowcatalyst-go")
	c.Events, c.Jobs = &Events{c}, &Jobs{c}
	c.Replays, c.DeadLetters, c.Groups = &Replays{c}, &DeadLetters{c}, &Groups{c}
	c.Router = &Router{c}
	return c, nil
}

// URL is the server's address, without a final slash.
func (c *Client) URL() string { return c.base.String() }

// Resources manages the resources of one kind.
func (c *Client) Resources(kind resource.Kind) *Resources {
	info, ok := resource.InfoOf(kind)
	if !ok {
		// The calls on it answer 404, which names the path.
		info.Kind, info.Collection = kind, string(kind)
	}
	return &Resources{c: c, info: info}
}

// redact keeps a password that was typed into a URL out of an error.
func redact(raw string) string {
	if at := strings.LastIndex(raw, "@"); at >= 0 {
		return "…" + raw[at:]
	}
	return raw
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
