package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// oldPrincipal is what builds before the directory kept of a person, the hash
// of the password included.
type oldPrincipal struct {
	ID           string    `json:"id"`
	Scope        string    `json:"scope"`
	ClientID     string    `json:"clientId"`
	Email        string    `json:"email"`
	Name         string    `json:"name"`
	Active       bool      `json:"active"`
	Clients      []string  `json:"clients"`
	Roles        []string  `json:"roles"`
	PasswordHash string    `json:"passwordHash"`
	Revision     int64     `json:"revision"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
}

// ConvertPrincipals brings the people of earlier builds into today's form, and
// their passwords to where nothing shows them. It says how many there were.
func (p *Platform) ConvertPrincipals(ctx context.Context) (int, error) {
	for try := range maxTries {
		docs, version, err := p.st.Documents(ctx, string(resource.KindPrincipal))
		if err != nil {
			return 0, fmt.Errorf("read principals: %w", err)
		}
		set := store.WriteSet{IfVersion: version}
		for _, d := range docs {
			var was oldPrincipal
			if json.Unmarshal(d.Body, &was) != nil || was.PasswordHash == "" {
				continue // today's form has no hash
			}
			if err := convertPrincipal(d, was, &set, p.now()); err != nil {
				return 0, fmt.Errorf("convert principal %s: %w", d.ID, err)
			}
		}
		if len(set.Put) == 0 {
			return 0, nil
		}
		_, err = p.st.Write(ctx, set, p.now())
		if err == nil {
			return len(set.Put) / 2, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return 0, fmt.Errorf("convert principals: %w", err)
		}
		if err := pause(ctx, try); err != nil {
			return 0, err
		}
	}
	return 0, refuse(CodeBusy, "too many changes at once; nothing was changed, try again")
}

func convertPrincipal(d store.Document, was oldPrincipal, set *store.WriteSet, now time.Time) error {
	is := &resource.Principal{
		Meta: resource.Meta{ID: d.ID, ClientID: was.ClientID, Source: "CODE", Revision: d.Revision + 1, CreatedAt: was.CreatedAt, UpdatedAt: now},
		Type: string(auth.TypeUser), Scope: was.Scope, Email: was.Email, Name: was.Name, Active: &was.Active,
	}
	for _, role := range was.Roles {
		is.Roles = append(is.Roles, resource.RoleAssignment{Role: role, Source: resource.AssignedManually, AssignedAt: was.CreatedAt})
	}
	for _, client := range was.Clients {
		if client != auth.EveryClient && client != was.ClientID {
			is.Grants = append(is.Grants, resource.ClientGrant{ClientID: client, Source: resource.AssignedManually, GrantedAt: was.CreatedAt})
		}
	}
	is.Defaults()
	body, err := json.Marshal(is)
	if err != nil {
		return err
	}
	credential, err := iam.Credential{PasswordHash: was.PasswordHash, PasswordSetAt: was.UpdatedAt}.Encode()
	if err != nil {
		return err
	}
	set.Put = append(set.Put,
		store.Document{Kind: d.Kind, ID: d.ID, ClientID: is.Meta.ClientID, Code: is.Key(), Body: body, Revision: d.Revision + 1},
		store.Document{Kind: catalog.KindCredential, ID: d.ID, Code: d.ID, Body: credential, Revision: 1})
	return nil
}
