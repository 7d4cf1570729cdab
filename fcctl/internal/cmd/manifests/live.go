package manifests

import (
	"context"
	"errors"
	"net/http"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/internal/plan"
)

// live lists what the manifest owns, and what has the code of something that
// it declares.
func live(ctx context.Context, cl *client.Client, m *config.Manifest) ([]resource.Resource, error) {
	var out []resource.Resource
	seen := map[string]bool{}
	take := func(kind resource.Kind, f client.ResourceFilter) error {
		f.ClientID = m.Client // by id or identifier; the server knows both
		for r, err := range cl.Resources(kind).List(ctx, f) {
			if err != nil {
				return err
			}
			if id := r.Base().ID; !seen[id] && (m.Client != "" || r.Base().ClientID == "" || kind.Everywhere()) {
				seen[id] = true
				seen[string(kind)+" "+r.Key()] = true
				out = append(out, r)
			}
		}
		return nil
	}
	declared := map[resource.Kind]bool{}
	for _, r := range m.Resources {
		declared[r.Kind()] = true
	}
	for _, info := range resource.Declared() {
		if m.Client != "" && info.Kind.Everywhere() {
			continue // no client's
		}
		err := take(info.Kind, client.ResourceFilter{ManagedBy: m.Name, PageSize: 200})
		var refused *client.Error
		if info.Kind.Everywhere() && !declared[info.Kind] && errors.As(err, &refused) && refused.Status == http.StatusForbidden {
			continue // whoever manages subscriptions alone need not see roles
		}
		if err != nil {
			return nil, err
		}
	}
	for _, r := range m.Resources {
		if seen[string(r.Kind())+" "+r.Key()] {
			continue
		}
		if err := take(r.Kind(), client.ResourceFilter{Code: r.Key()}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// named gives what service accounts refer to by id the codes that manifests
// use, on both sides. An id that cannot be looked up stays.
func named(ctx context.Context, cl *client.Client, d plan.Desired, current []resource.Resource) error {
	var accounts []*resource.ServiceAccount
	for _, it := range d.Items {
		if s, ok := it.Resource.(*resource.ServiceAccount); ok {
			accounts = append(accounts, s)
		}
	}
	if len(accounts) == 0 {
		return nil // those that go are not compared
	}
	for _, r := range current {
		if s, ok := r.(*resource.ServiceAccount); ok {
			accounts = append(accounts, s)
		}
	}
	codes := map[string]string{}
	for _, kind := range []resource.Kind{resource.KindClient, resource.KindApplication} {
		for r, err := range cl.Resources(kind).List(ctx, client.ResourceFilter{PageSize: 200}) {
			if err != nil {
				return err
			}
			codes[r.Base().ID] = r.Key()
		}
	}
	for _, s := range accounts {
		if code, ok := codes[s.ApplicationID]; ok {
			s.ApplicationID = code
		}
		for i, id := range s.ClientIDs {
			if code, ok := codes[id]; ok {
				s.ClientIDs[i] = code
			}
		}
	}
	return nil
}
