package platform

import (
	"encoding/json"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// Where roles come from.
const (
	RoleDatabase = "DATABASE" // made by a person
	RoleSDK      = "SDK"      // declared by its application, by sync
)

// reshape gives the fields of some kinds the form that we keep, where existing
// clients have another one.
func reshape(kind resource.Kind, f fields) error {
	text := func(name string) string {
		var s string
		_ = json.Unmarshal(f[name], &s) // what is no text, build refuses
		return s
	}
	put := func(name string, v any) { f[name], _ = json.Marshal(v) } // of texts only
	switch kind {
	case resource.KindRole:
		name := text("name")
		if name == "" {
			name = text("roleName")
		}
		if app := text("applicationCode"); app != "" && name != "" && !strings.HasPrefix(name, app+":") {
			name = app + ":" + name
		}
		if name != "" {
			put("name", name)
		}
	case resource.KindPrincipal:
		if email := text("email"); email != "" {
			put("email", strings.ToLower(strings.TrimSpace(email)))
		}
		raw, named := f["roles"]
		if _, both := f["roleAssignments"]; !named || both {
			break
		}
		var roles []string
		if err := json.Unmarshal(raw, &roles); err != nil {
			return invalidField("roles", "must be an array of names of roles", `["platform:viewer"]`)
		}
		assigned := make([]resource.RoleAssignment, len(roles))
		for i, r := range roles {
			assigned[i] = resource.RoleAssignment{Role: r, Source: resource.AssignedManually}
		}
		put("roleAssignments", assigned)
	case resource.KindOAuthClient:
		if id := text("serviceAccountPrincipalId"); id != "" && f["serviceAccountId"] == nil {
			put("serviceAccountId", "sac_"+strings.TrimPrefix(id, "prn_"))
		}
	}
	return nil
}

// prepare completes a new resource of the caller before its owner is known.
func (d *draft) prepare(r resource.Resource) error {
	switch r := r.(type) {
	case *resource.ServiceAccount:
		if len(r.ClientIDs) == 0 && !d.caller.Scope.All {
			client, refused := d.caller.tenant(d.cat, r.Meta.ClientID)
			if refused != nil {
				return refused
			}
			r.ClientIDs = []string{client}
		} else if len(r.ClientIDs) == 0 && r.Meta.ClientID != "" {
			r.ClientIDs = []string{r.Meta.ClientID}
		}
		r.Meta.ClientID = ""
		if !d.caller.Scope.All {
			r.Meta.ClientID = d.caller.Scope.Clients[0] // for now: the rules know better
		}
	case *resource.Principal:
		return d.preparePrincipal(r)
	case *resource.OAuthClient:
		if r.OAuthID == "" {
			r.OAuthID = strings.ToLower(strings.TrimPrefix(d.ids("oac"), "oac_"))
		}
	}
	return nil
}

// preparePrincipal gives a new person the scope of their email domain, unless
// it is asked for.
func (d *draft) preparePrincipal(p *resource.Principal) error {
	domain := iam.EmailDomain(p.Email)
	config := d.dir.AuthConfig(domain)
	if p.Scope == "" {
		switch {
		case d.dir.Anchor(domain):
			p.Scope = resource.ScopeAnchor
		case config != nil:
			p.Scope = config.ConfigType
		case p.Meta.ClientID == "" && len(p.Grants) > 0:
			p.Scope = resource.ScopePartner
		default:
			p.Scope = resource.ScopeClient
		}
	}
	if p.IdpType == "" && config != nil {
		p.IdpType = config.AuthProvider
	}
	if p.Scope != resource.ScopeClient {
		if p.Meta.ClientID != "" && p.Scope == resource.ScopePartner {
			p.Grants = append(p.Grants, resource.ClientGrant{ClientID: p.Meta.ClientID})
		}
		p.Meta.ClientID = ""
		return nil
	}
	if p.Meta.ClientID == "" && config != nil {
		p.Meta.ClientID = config.PrimaryClientID
	}
	if p.Meta.ClientID == "" && d.caller.Scope.All {
		return invalidField("clientId", "is required: the scope of this person is CLIENT", "the client that they work for")
	}
	return nil
}

// byHand refuses to change by hand what an application declares.
func byHand(r resource.Resource) error {
	role, is := r.(*resource.Role)
	if !is || role.Source != RoleSDK {
		return nil
	}
	app, _ := role.Segments()
	return refuse(CodeNotOwned, "the role is declared by the application %s, whose next sync would undo this; change it there", app)
}

// takeAway drafts a delete and what goes with it.
func (d *draft) takeAway(r resource.Resource) {
	switch r := r.(type) {
	case *resource.Client:
		// Events and jobs go on naming it, so it stays to be named.
		gone := *r
		gone.Status, gone.StatusReason, gone.ManagedBy = resource.ClientDeleted, "", ""
		d.update(r, &gone, "DELETE")
		return
	case *resource.ServiceAccount:
		if app := d.application(r.ApplicationID); app != nil && app.ServiceAccountID == r.ID {
			without := *app
			without.ServiceAccountID = ""
			d.update(app, &without, "UPDATE")
		}
	case *resource.Application:
		d.all(resource.KindPrincipal, func(u resource.Resource) {
			p := u.(*resource.Principal)
			if left := dropped(p.Applications, r.ID); len(left) < len(p.Applications) {
				without := *p
				without.Applications = left
				d.update(p, &without, "SET_APPLICATIONS")
			}
		})
	}
	d.remove(r)
}

func dropped(from []string, s string) []string {
	var left []string
	for _, v := range from {
		if v != s {
			left = append(left, v)
		}
	}
	return left
}
