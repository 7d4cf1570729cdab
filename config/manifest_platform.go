package config

import (
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/zclconf/go-cty/cty"
)

// The kinds that belong to the platform: a manifest without a client declares
// them, and only who reaches every client applies it.

func readClient(s *section, it *item, c *resource.Client) {
	it.set(s, "status", "status", func(n string) { c.Status = read(s, n, text, opts[string]{}) })
	if c.Status == resource.ClientDeleted {
		s.fail(s.at("status"), "A client that is declared and deleted", "A declared client is there; one that shall go is not declared.", "remove the block")
	}
}

func readApplication(s *section, it *item, a *resource.Application) {
	it.set(s, "type", "type", func(n string) {
		a.Type = strings.ToUpper(read(s, n, choice("type", "application", "integration"), opts[string]{}))
	})
	if a.Code == resource.PlatformApplication {
		s.fail(it.fields["code"].rng, "The platform's own application", "It always is there, and so are its roles; no manifest declares them.", "")
	}
}

func readRole(s *section, it *item, r *resource.Role) {
	it.set(s, "permissions", "permissions", func(n string) { r.Permissions = read(s, n, listOf("shop:sales:order:view"), opts[[]string]{}) })
	if app, _ := r.Segments(); app == resource.PlatformApplication {
		s.fail(it.fields["code"].rng, "A built-in role", "The roles of the platform are built in; no manifest declares, changes or deletes them.",
			"a role of an application, with the permissions that you need")
	}
}

func readServiceAccount(s *section, it *item, a *resource.ServiceAccount) {
	it.set(s, "applicationId", "application", func(n string) { a.ApplicationID = read(s, n, codeOf("application"), opts[string]{}) })
	it.set(s, "clientIds", "clients", func(n string) { a.ClientIDs = read(s, n, codesOf("client"), opts[[]string]{}) })
	it.set(s, "roles", "roles", func(n string) { a.Roles = read(s, n, codesOf("role"), opts[[]string]{}) })
}

// listOf is a list of strings; example is one of them.
func listOf(example string) kind[[]string] {
	k := words
	k.want = fmt.Sprintf("a list of strings such as [%q]", example)
	return k
}

// codesOf is a list of codes, each written out or as a reference to a block.
func codesOf(block string) kind[[]string] {
	k := words
	k.want = fmt.Sprintf("a list of references such as [%s.name], or of codes", block)
	k.from = func(v cty.Value) ([]string, error) {
		if t := v.Type(); t == cty.String {
			f := wrongType(k.want, v)
			f.try = fmt.Sprintf("[%s.name]", block)
			return nil, f
		}
		return stringsOf(k.want, v)
	}
	return k
}

// ofNoClient refuses what belongs to the platform in a manifest of a client.
func (mr *manifestReader) ofNoClient(in instance) {
	if mr.m.Client == "" || !in.kind.Everywhere() {
		return
	}
	in.sec.fail(*in.sec.header, fmt.Sprintf("A manifest of a client with a block %q", in.kind),
		fmt.Sprintf("%s belongs to no client, and this manifest is of client %q.", in.sec.title(), mr.m.Client),
		"a manifest of another name, without client")
}
