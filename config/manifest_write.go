package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Writing is what WriteManifest writes.
type Writing struct {
	// Name and Client are those of the manifest block; without a name there
	// is no such block.
	Name, Client string
	// Head is a comment at the top, line by line.
	Head      []string
	Resources []resource.Resource
}

// WrittenSecret is a secret that a written manifest takes from the
// environment.
type WrittenSecret struct {
	Variable    string        `json:"variable"`
	Fingerprint string        `json:"fingerprint"`
	Kind        resource.Kind `json:"kind"`
	Code        string        `json:"code"`
	Field       string        `json:"field"` // as in a resource.Problem: "signing.secret"
}

// WriteManifest writes resources so that LoadManifest reads the same ones:
// without what is a default, with references where the target is among them,
// and with env("…") where a secret is. What belongs to another manifest, or to
// none, is written with adopt = true. The same resources give the same bytes.
func WriteManifest(w Writing) ([]byte, []WrittenSecret) {
	rs := slices.Clone(w.Resources)
	resource.Sort(rs)
	mw := &manifestWriter{owner: w.Name, there: map[itemKey]bool{}, variables: map[string]bool{}}
	for _, r := range rs {
		mw.there[itemKey{r.Kind(), r.Key()}] = true
	}
	var b strings.Builder
	for _, line := range w.Head {
		b.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	if w.Name != "" {
		var head block
		head.attr("name", literal(w.Name))
		if w.Client != "" {
			head.attr("client", literal(w.Client))
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("manifest {\n" + head.String() + "}\n")
	}
	for _, r := range rs {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(mw.resource(r))
	}
	return hclwrite.Format([]byte(b.String())), mw.secrets
}

// manifestWriter writes the blocks of one manifest.
type manifestWriter struct {
	owner     string
	there     map[itemKey]bool
	variables map[string]bool
	secrets   []WrittenSecret
}

func (mw *manifestWriter) resource(r resource.Resource) string {
	var b block
	kind, code := r.Kind(), r.Key()
	usual := manifestKinds[kind].bare(code)
	if s, is := r.(*resource.Subscription); is {
		writeBindings(&b, s.EventTypes) // what it is about comes first
	}
	b.tagged(shown(r), usual)
	manifestKinds[kind].write(mw, &b, r, usual)
	b.tagged(r.Base(), usual.Base())
	if mw.owner != "" && r.Base().ManagedBy != mw.owner {
		b.attr("adopt", "true")
	}
	if b.Len() == 0 {
		return fmt.Sprintf("%s %s {}\n", kind, literal(code))
	}
	return fmt.Sprintf("%s %s {\n%s}\n", kind, literal(code), b.String())
}

// shown is a resource without what the server adds to it: the URL of its
// connection is not the target of a subscription.
func shown(r resource.Resource) resource.Resource {
	s, is := r.(*resource.Subscription)
	if !is || s.ConnectionCode == "" {
		return r
	}
	c := *s
	c.Target = ""
	return &c
}

// reference names a resource: by its block if it is among those written, or
// else by its code as text.
func (mw *manifestWriter) reference(kind resource.Kind, code string) string {
	switch {
	case !mw.there[itemKey{kind, code}]:
		return literal(code)
	case hclsyntax.ValidIdentifier(code):
		return string(kind) + "." + code
	}
	return string(kind) + "[" + literal(code) + "]"
}

// secret writes an attribute whose value comes from the environment, under a
// comment that tells the value's fingerprint.
func (mw *manifestWriter) secret(b *block, r resource.Resource, name, field, suffix string, s resource.Secret) {
	if s.IsZero() {
		return
	}
	variable := mw.variable(r.Key(), suffix)
	mw.secrets = append(mw.secrets, WrittenSecret{Variable: variable, Fingerprint: s.Fingerprint(), Kind: r.Kind(), Code: r.Key(), Field: field})
	b.line("# " + s.Fingerprint())
	b.attr(name, fmt.Sprintf("env(%q)", variable))
}

// variable makes the name of an environment variable that no other secret has.
func (mw *manifestWriter) variable(code, suffix string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, code)
	if name[0] >= '0' && name[0] <= '9' {
		name = "_" + name // a shell takes no other
	}
	name = strings.ToUpper(name) + "_" + suffix
	for n, first := 2, name; mw.variables[name]; n++ {
		name = fmt.Sprintf("%s_%d", first, n)
	}
	mw.variables[name] = true
	return name
}
