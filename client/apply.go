package client

import (
	"context"
	"net/http"

	"github.com/flowcatalyst/fc/client/resource"
)

// ApplyRequest is a set of changes that happens whole or not at all.
type ApplyRequest struct {
	// Manifest is the name under which the server records ownership.
	Manifest string `json:"manifest"`
	// ClientID is the tenant of the resources; empty is anchor level.
	ClientID string `json:"clientId,omitempty"`
	// DryRun checks everything and changes nothing.
	DryRun  bool          `json:"dryRun"`
	Changes []ApplyChange `json:"changes"`
}

// ApplyChange is one change of an apply.
type ApplyChange struct {
	Action string        `json:"action"` // create, update, delete or replace
	Kind   resource.Kind `json:"kind"`
	Code   string        `json:"code"`
	ID     string        `json:"id,omitempty"`
	// Revision is the one that the change was planned against.
	Revision int64 `json:"revision,omitempty"`
	// From is the code that the resource has had, where an update renames it.
	From string `json:"from,omitempty"`
	// Adopt takes over what another manifest, or none, owns.
	Adopt bool `json:"adopt,omitempty"`
	// Resource is what shall be; nil for a delete. It is sent with the values
	// of its secrets.
	Resource resource.Resource `json:"resource,omitempty"`
}

// ApplyResult is what an apply did, or would do.
type ApplyResult struct {
	DryRun  bool           `json:"dryRun"`
	Version int64          `json:"version"` // of all resources together
	Results []ApplyOutcome `json:"results"`
	// Warnings are what was accepted and may not be meant.
	Warnings []string `json:"warnings,omitempty"`
}

// ApplyOutcome is what one change did, or would do.
type ApplyOutcome struct {
	Action   string        `json:"action"`
	Kind     resource.Kind `json:"kind"`
	Code     string        `json:"code"`
	ID       string        `json:"id,omitempty"`
	Revision int64         `json:"revision,omitempty"`
	// CancelsJobs is how many open jobs end with a deleted subscription.
	CancelsJobs int `json:"cancelsJobs,omitempty"`
}

// Apply carries out a plan. If anything has changed since the plan was made,
// nothing happens and the error has the code STALE_PLAN and the Conflicts.
func (c *Client) Apply(ctx context.Context, r ApplyRequest) (*ApplyResult, error) {
	changes := make([]ApplyChange, len(r.Changes))
	for i, ch := range r.Changes {
		if ch.Resource != nil {
			ch.Resource = resource.OpenSecrets(ch.Resource)
		}
		changes[i] = ch
	}
	r.Changes = changes
	k := call{method: http.MethodPost, path: "/api/apply", body: r}
	if r.DryRun {
		k.key = newKey() // changes nothing, so it may be repeated
	}
	res := new(ApplyResult)
	if _, err := c.do(ctx, k, res); err != nil {
		return nil, err
	}
	return res, nil
}
