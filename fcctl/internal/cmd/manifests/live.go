package manifests

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
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
		if !declared[info.Kind] && hiddenFrom(err, info) {
			continue
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

// hiddenFrom says that what belongs to the platform is not for the caller to
// see: whoever manages subscriptions need not see roles.
func hiddenFrom(err error, info resource.KindInfo) bool {
	var refused *client.Error
	return info.Kind.Everywhere() && errors.As(err, &refused) && refused.Status == http.StatusForbidden
}

// coded gives what service accounts refer to by id the codes that manifests
// use. An id that cannot be looked up stays.
func coded(ctx context.Context, cl *client.Client, lists ...[]resource.Resource) error {
	var accounts []*resource.ServiceAccount
	for _, r := range slices.Concat(lists...) {
		if s, ok := r.(*resource.ServiceAccount); ok {
			accounts = append(accounts, s)
		}
	}
	if len(accounts) == 0 {
		return nil
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
