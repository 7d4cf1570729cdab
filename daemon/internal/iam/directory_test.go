package iam

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
)

var epoch = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// setup is a catalog with some clients and these resources.
func setup(t *testing.T, rs ...resource.Resource) *catalog.Catalog {
	t.Helper()
	cat := &catalog.Catalog{Version: 7,
		Clients: map[string]*resource.Client{}, ServiceAccounts: map[string]*resource.ServiceAccount{},
		Others: map[resource.Kind]map[string]resource.Resource{}, Credentials: map[string][]byte{}}
	for id, status := range map[string]string{"clt_A": "ACTIVE", "clt_B": "ACTIVE", "clt_C": "ACTIVE", "clt_S": "SUSPENDED", "clt_D": "DELETED"} {
		cat.Clients[id] = &resource.Client{Meta: resource.Meta{ID: id, ClientID: id}, Identifier: id[4:], Status: status}
	}
	for _, r := range rs {
		r.Defaults()
		if a, is := r.(*resource.ServiceAccount); is {
			cat.ServiceAccounts[a.ID] = a
			continue
		}
		if cat.Others[r.Kind()] == nil {
			cat.Others[r.Kind()] = map[string]resource.Resource{}
		}
		if r.Base().ID == "" {
			r.Base().ID = string(r.Kind()) + "_" + r.Key()
		}
		cat.Others[r.Kind()][r.Base().ID] = r
	}
	return cat
}

func person(id, email, scope, home string, roles ...string) *resource.Principal {
	p := &resource.Principal{Meta: resource.Meta{ID: id, ClientID: home}, Email: email, Scope: scope}
	for _, r := range roles {
		p.Roles = append(p.Roles, resource.RoleAssignment{Role: r})
	}
	return p
}

func TestWhatPeopleReach(t *testing.T) {
	t.Parallel()
	home := person("prn_1", "ada@acme.example.com", "CLIENT", "clt_A")
	home.Grants = []resource.ClientGrant{{ClientID: "clt_B"}, {ClientID: "clt_S"}, {ClientID: "clt_C", ExpiresAt: epoch.Add(time.Hour)}}
	partner := person("prn_2", "bo@partner.example.com", "PARTNER", "")
	partner.Grants = []resource.ClientGrant{{ClientID: "clt_D"}, {ClientID: "clt_unknown"}, {ClientID: "clt_B"}}
	locked := person("prn_4", "cy@s.example.com", "CLIENT", "clt_S")
	d := New(setup(t, home, partner, locked,
		person("prn_3", "Root@Anchor.example.com", "CLIENT", "clt_A"),
		&resource.AnchorDomain{Domain: "anchor.example.com"},
		&resource.ClientAuthConfig{EmailDomain: "partner.example.com", ConfigType: "PARTNER", GrantedClientIDs: []string{"clt_C"}},
		&resource.ClientAuthConfig{EmailDomain: "acme.example.com", ConfigType: "PARTNER", GrantedClientIDs: []string{"clt_D"}},
		&resource.ServiceAccount{Meta: resource.Meta{ID: "sac_9"}, Code: "one", ClientIDs: []string{"clt_A"}},
		&resource.ServiceAccount{Meta: resource.Meta{ID: "sac_8"}, Code: "all", ClientIDs: []string{"*"}},
		&resource.ServiceAccount{Meta: resource.Meta{ID: "sac_7"}, Code: "none"}))
	for _, c := range []struct {
		id    string
		at    time.Time
		scope auth.Scope
		want  []string
	}{
		{"prn_1", epoch, auth.ScopeClient, []string{"clt_A", "clt_B", "clt_C"}},
		{"prn_1", epoch.Add(time.Hour), auth.ScopeClient, []string{"clt_A", "clt_B"}},
		{"prn_2", epoch, auth.ScopePartner, []string{"clt_B", "clt_C"}},
		{"prn_3", epoch, auth.ScopeAnchor, []string{"*"}},
		{"prn_4", epoch, auth.ScopeClient, nil},
		{"prn_9", epoch, auth.ScopeClient, []string{"clt_A"}},
		{"prn_8", epoch, auth.ScopeAnchor, []string{"*"}},
		{"prn_7", epoch, auth.ScopePartner, nil},
	} {
		s := d.Subject(c.id)
		if got := s.Clients(c.at); !slices.Equal(got, c.want) || s.Scope != c.scope || s.Principal(c.at).AllClients() != (c.scope == auth.ScopeAnchor) {
			t.Errorf("%s at %v: %s %v, want %s %v", c.id, c.at, s.Scope, got, c.scope, c.want)
		}
	}
	if s := d.ByEmail(" ROOT@anchor.example.COM"); s == nil || s.ID != "prn_3" {
		t.Errorf("by email: %+v", s)
	}
}

func TestATokenGivesNoMoreThanTheDirectoryHas(t *testing.T) {
	t.Parallel()
	anchor := person("prn_1", "root@example.com", "ANCHOR", "", auth.RoleSuperAdmin, auth.RoleViewer)
	ada := person("prn_2", "ada@example.com", "CLIENT", "clt_A", "shop:clerk", auth.RoleViewer, "shop:gone")
	gone := person("prn_3", "gone@example.com", "ANCHOR", "", auth.RoleSuperAdmin)
	no := false
	gone.Active = &no
	d := New(setup(t, anchor, ada, gone,
		&resource.Role{Name: "shop:clerk", Permissions: []string{"shop:sales:order:view"}},
		&resource.Role{Name: auth.RoleViewer, Permissions: []string{"*:*:*:*"}},
		&resource.ServiceAccount{Meta: resource.Meta{ID: "sac_9"}, Code: "none", ClientIDs: []string{"*"}}))
	every := []string{"*"}
	for name, c := range map[string]struct {
		claims  auth.Claims
		clients []string
		may     string
		mayNot  string
	}{
		"all it has":                {auth.Claims{Subject: "prn_1", Type: "USER", Scope: "ANCHOR", Clients: every, Roles: []string{auth.RoleSuperAdmin, auth.RoleViewer}}, every, "a:b:c:d", ""},
		"fewer roles":               {auth.Claims{Subject: "prn_1", Type: "USER", Scope: "ANCHOR", Clients: every, Roles: []string{auth.RoleViewer}}, every, "platform:iam:user:view", "platform:iam:user:create"},
		"fewer clients":             {auth.Claims{Subject: "prn_1", Type: "USER", Scope: "PARTNER", Clients: []string{"clt_A"}, Roles: []string{auth.RoleViewer}}, []string{"clt_A"}, "platform:iam:user:view", ""},
		"roles that it never had":   {auth.Claims{Subject: "prn_2", Type: "USER", Scope: "CLIENT", Clients: []string{"clt_A"}, Roles: []string{auth.RoleSuperAdmin, "shop:clerk"}}, []string{"clt_A"}, "shop:sales:order:view", "platform:iam:user:view"},
		"clients that it never had": {auth.Claims{Subject: "prn_2", Type: "USER", Scope: "PARTNER", Clients: []string{"clt_A", "clt_B"}, Roles: []string{auth.RoleViewer}}, []string{"clt_A"}, "platform:iam:user:view", "platform:iam:user:create"},
		"a scope it never had":      {auth.Claims{Subject: "prn_2", Type: "USER", Scope: "ANCHOR", Clients: every, Roles: []string{"shop:clerk"}}, []string{"clt_A"}, "shop:sales:order:view", "shop:sales:order:*"},
		"a role that is gone":       {auth.Claims{Subject: "prn_2", Type: "USER", Scope: "CLIENT", Clients: []string{"clt_A"}, Roles: []string{"shop:gone"}}, []string{"clt_A"}, "", "shop:sales:order:view"},
		"a redefined built-in":      {auth.Claims{Subject: "prn_2", Type: "USER", Scope: "CLIENT", Clients: []string{"clt_A"}, Roles: []string{"shop:clerk", auth.RoleViewer}}, []string{"clt_A"}, "platform:iam:user:view", "platform:iam:user:create"},
		"no roles":                  {auth.Claims{Subject: "prn_9", Type: "SERVICE", Scope: "ANCHOR", Clients: every, Roles: []string{auth.RoleSuperAdmin}}, every, "", "platform:messaging:event:create"},
	} {
		a, err := d.Admit(&c.claims, epoch)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(a.Principal.Clients, c.clients) {
			t.Errorf("%s: clients %v, want %v", name, a.Principal.Clients, c.clients)
		}
		if c.may != "" && !a.May(c.may) || c.mayNot != "" && a.May(c.mayNot) {
			t.Errorf("%s: may %s: %v, %s: %v", name, c.may, a.May(c.may), c.mayNot, a.May(c.mayNot))
		}
	}
	for name, c := range map[string]auth.Claims{
		"inactive":     {Subject: "prn_3", Type: "USER", Clients: every, Scope: "ANCHOR"},
		"unknown":      {Subject: "prn_4", Type: "USER"},
		"another type": {Subject: "prn_2", Type: "SERVICE"},
	} {
		if _, err := d.Admit(&c, epoch); !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokensOfServiceAccounts(t *testing.T) {
	t.Parallel()
	cat := setup(t, &resource.ServiceAccount{Meta: resource.Meta{ID: "sac_9"}, Code: "a", Roles: []string{auth.RoleApplicationService}})
	lasting, kept := NewToken("1", "ci", epoch, time.Time{})
	short, keptShort := NewToken("2", "", epoch, epoch.Add(time.Hour))
	body, err := Credential{Tokens: []HashedSecret{kept, keptShort}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	cat.Credentials["sac_9"] = body
	d := New(cat)
	for _, token := range []string{lasting, short} {
		s, k := d.ByToken(token, epoch)
		if s == nil || s.ID != "prn_9" || k.Prefix != token[:7] {
			t.Fatalf("%v %+v", s, k)
		}
	}
	if s, _ := d.ByToken(short, epoch.Add(time.Hour)); s != nil {
		t.Error("a token is good past its end")
	}
	for _, bad := range []string{"", lasting[:len(lasting)-1], kept.Hash, lasting + " "} {
		if s, _ := d.ByToken(bad, epoch); s != nil {
			t.Errorf("%q is a token", bad)
		}
	}
}

func TestADirectoryIsKeptWhileNobodyChanges(t *testing.T) {
	t.Parallel()
	cat := setup(t, person("prn_1", "root@example.com", "ANCHOR", "", auth.RoleSuperAdmin))
	d := New(cat)
	later := *cat
	later.Version++
	if n := next(d, &later); n.Version != 8 || n.Subject("prn_1") != d.Subject("prn_1") {
		t.Error("a change of nobody made everybody anew")
	}
	changed := later
	changed.Credentials = map[string][]byte{"prn_1": []byte(`{"passwordHash":"x"}`)}
	n := next(d, &changed)
	if c, err := n.Credential("prn_1"); err != nil || c.PasswordHash != "x" || n.Subject("prn_1") == d.Subject("prn_1") {
		t.Errorf("a changed credential is not seen: %+v, %v", c, err)
	}
	if !n.HasAdministrator() || New(setup(t)).HasAdministrator() {
		t.Error("who is an administrator?")
	}
}

func TestSecretsOfOAuthClientsOverlap(t *testing.T) {
	t.Parallel()
	old, keptOld := NewSecret("1", epoch)
	fresh, keptFresh := NewSecret("2", epoch)
	keptOld.ExpiresAt = epoch.Add(time.Hour)
	c := Credential{Secrets: []HashedSecret{keptOld, keptFresh}}
	if !c.Verify(old, epoch) || !c.Verify(fresh, epoch) || c.Verify(old, epoch.Add(time.Hour)) || c.Verify("", epoch) || c.Verify(keptFresh.Hash, epoch) {
		t.Error("the wrong secrets are good")
	}
}
