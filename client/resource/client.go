package resource

import (
	"regexp"
	"time"
)

// Client is a tenant: events, resources and people belong to one, or to none
// (anchor level). Its Meta.ClientID is its own id, so that whoever reaches the
// client sees it.
type Client struct {
	Meta
	Identifier      string    `json:"identifier"` // what people call it: a slug, unique
	Name            string    `json:"name" hcl:"name,optional"`
	Status          string    `json:"status"` // ACTIVE, SUSPENDED, PENDING or DELETED
	StatusReason    string    `json:"statusReason,omitempty"`
	StatusChangedAt time.Time `json:"statusChangedAt,omitzero"`
	Notes           []Note    `json:"notes,omitempty"`
}

// Note is something that an operator wrote down about a client.
type Note struct {
	Category string    `json:"category"`
	Text     string    `json:"text"`
	AddedBy  string    `json:"addedBy,omitempty"` // a principal's id
	AddedAt  time.Time `json:"addedAt,omitzero"`
}

// The states of a client. Of one that is not active nothing is accepted and
// nothing is delivered; what waits goes when it is active again.
const (
	ClientActive    = "ACTIVE"
	ClientSuspended = "SUSPENDED"
	ClientPending   = "PENDING"
	ClientDeleted   = "DELETED"
)

// Kind implements Resource.
func (*Client) Kind() Kind { return KindClient }

// Key implements Resource.
func (c *Client) Key() string { return c.Identifier }

// Refs implements Resource.
func (*Client) Refs() []Ref { return nil }

// Defaults implements Resource.
func (c *Client) Defaults() {
	if c.Name == "" {
		c.Name = c.Identifier
	}
	if c.Status == "" {
		c.Status = ClientActive
	}
}

// slug is what may name a client or an application: it stands in URLs, in
// manifests and in event types.
var slug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Validate implements Resource.
func (c *Client) Validate() []Problem {
	var ps []Problem
	switch {
	case c.Identifier == "":
		ps = append(ps, Problem{"identifier", "is required", `a short name such as "acme"`})
	case !slug.MatchString(c.Identifier):
		ps = append(ps, Problem{"identifier", "may have lower-case letters, digits and '-', begins with a letter or digit and has at most 63 characters", "acme"})
	}
	ps = checkName(ps, c.Name, c.StatusReason)
	ps = checkEnum(ps, "status", c.Status, ClientActive, ClientSuspended, ClientPending, ClientDeleted)
	if len(c.Notes) > 200 {
		ps = append(ps, Problem{"notes", "has more than 200 notes", ""})
	}
	return ps
}
