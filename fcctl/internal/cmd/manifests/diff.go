package manifests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/internal/plan"
	"github.com/urfave/cli/v2"
)

func (a *commands) diffCommand() *cli.Command {
	return &cli.Command{
		Name: "diff", Usage: "compare a manifest with the server, line by line",
		Description: app.Example("Each resource that a plan would change is shown as a patch of HCL from what the server has to what the manifest says, "+
			"both without defaults. Exits 0 if there is none, 2 if there is one.",
			"fcctl diff -f orders/", "fcctl diff -f orders/ -o json"),
		Flags:  manifestFlags(),
		Action: a.diff,
	}
}

func (a *commands) diff(c *cli.Context) error {
	p, err := a.proposed(c)
	if err != nil {
		return err
	}
	err = a.Data(c, p.plan, func() (string, error) {
		var b strings.Builder
		for _, change := range p.plan.Changes {
			b.WriteString(patch(change, p.live))
		}
		return b.String(), nil
	})
	if err != nil {
		return err
	}
	for _, change := range p.plan.Conflicts() {
		a.Say("%s: %s. Try: %s", named(change), change.Problem, change.Try)
	}
	if err := unhindered(p.plan); err != nil {
		return err
	}
	if !p.plan.Empty() {
		return fault.Exit(fault.Changes)
	}
	return nil
}

func named(c plan.Change) string { return fmt.Sprintf("%s %q", c.Kind, c.Code) }

// patch is one change as a patch of HCL.
func patch(c plan.Change, live []resource.Resource) string {
	if !c.Action.Changes() {
		return ""
	}
	var there resource.Resource
	if i := slices.IndexFunc(live, func(r resource.Resource) bool { return c.ID != "" && r.Base().ID == c.ID }); i >= 0 {
		there = live[i]
	}
	names := [2]string{"server: " + named(c), "manifest: " + named(c)}
	if there == nil {
		names[0] = "/dev/null"
	}
	if c.Resource == nil {
		names[1] = "/dev/null"
	}
	before, after := alike(there, c.Resource)
	was, is := blockOf(before), blockOf(after)
	if c.Adopt {
		// The owner does not stand in the block.
		was, is = fmt.Sprintf("# managedBy: %q\n%s", c.Owner, was), fmt.Sprintf("# managedBy: %q\n%s", after.Base().ManagedBy, is)
	}
	if text := unified(was, is, names[0], names[1]); text != "" {
		return text
	}
	// What is left has no words in a block that is written.
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", names[0], names[1])
	for _, at := range c.Attributes {
		if at.Before != nil {
			fmt.Fprintf(&b, "-# %s: %s\n", at.Path, at.Before)
		}
		if at.After != nil {
			fmt.Fprintf(&b, "+# %s: %s\n", at.Path, at.After)
		}
	}
	return b.String()
}

func blockOf(r resource.Resource) string {
	if r == nil {
		return ""
	}
	src, _ := config.WriteManifest(config.Writing{Resources: []resource.Resource{r}})
	return string(src)
}

// alike leaves between two event types only what a plan would change: not the
// order of names in a schema, nor how far a version has got.
func alike(before, after resource.Resource) (resource.Resource, resource.Resource) {
	was, ok := before.(*resource.EventType)
	is, ok2 := after.(*resource.EventType)
	if !ok || !ok2 {
		return before, after
	}
	was, is = ordered(was), ordered(is)
	for i, v := range is.SpecVersions {
		for _, old := range was.SpecVersions {
			if old.Version == v.Version && v.Status == resource.SchemaFinalising {
				is.SpecVersions[i].Status = old.Status
			}
		}
	}
	return was, is
}

func ordered(t *resource.EventType) *resource.EventType {
	c := *t
	c.SpecVersions = slices.Clone(t.SpecVersions)
	slices.SortFunc(c.SpecVersions, func(a, b resource.SpecVersion) int { return strings.Compare(a.Version, b.Version) })
	for i, v := range c.SpecVersions {
		d := json.NewDecoder(bytes.NewReader(v.Schema))
		d.UseNumber()
		var doc any
		if d.Decode(&doc) != nil {
			continue
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if e.Encode(doc) == nil {
			c.SpecVersions[i].Schema = bytes.TrimSpace(b.Bytes())
		}
	}
	return &c
}
