package manifests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/internal/plan"
	"github.com/urfave/cli/v2"
)

func (a *commands) exportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write what is on the server as a manifest", ArgsUsage: "[KIND[.CODE]…]",
		Description: app.Example("Everything that a manifest can declare, or the kinds and resources that are named. What the written manifest "+
			"does not own yet, it adopts. Secrets stay on the server: each is env(\"NAME\") under its fingerprint.",
			"fcctl export", "fcctl export subscription connection.hooks", "fcctl export --managed-by orders", "fcctl export -f exported.fc.hcl --manifest shop"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "write to a new `FILE` instead of stdout"},
			&cli.BoolFlag{Name: "force", Usage: "write over a file that is there", DisableDefaultText: true},
			&cli.StringFlag{Name: "manifest", Usage: "the `NAME` of the manifest that is written; by default the one that owns all of it, or else \"exported\""},
			&cli.StringFlag{Name: "managed-by", Usage: "only what the manifest `NAME` owns"},
			&cli.StringFlag{Name: "client", Usage: "the resources of a client, by its `ID` or identifier; by default those of anchor level"},
		},
		Action: a.export,
	}
}

func (a *commands) export(c *cli.Context) error {
	path := c.String("file")
	if _, err := os.Stat(path); path != "" && !c.Bool("force") && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Failed, "another name, or --force", "%s is there already", path)
	}
	wanted, err := parseSelection(c.Args().Slice())
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	live, err := wanted.find(c.Context, cl, client.ResourceFilter{ClientID: c.String("client"), ManagedBy: c.String("managed-by"), PageSize: 200})
	if err != nil {
		return err
	}
	if err := coded(c.Context, cl, live); err != nil {
		return fmt.Errorf("look at what is there: %w", err)
	}
	if len(live) == 0 {
		return fault.New(fault.NotFound, "fcctl get --help, for what there is", "there is nothing to export")
	}
	w := config.Writing{Name: cmp.Or(c.String("manifest"), c.String("managed-by"), owner(live), "exported"), Client: c.String("client"), Resources: live}
	// A part under the name of the whole would delete the rest of it.
	rest, err := restOf(c.Context, cl, w)
	if err != nil {
		return err
	}
	if len(rest) > 0 && !c.IsSet("manifest") {
		a.Say("Manifest %s owns %s, too, so that this is called \"exported\" and takes over what is in it", w.Name, few(rest))
		w.Name, rest = "exported", nil
	}
	src, secrets := config.WriteManifest(w)
	if len(secrets) > 0 {
		w.Head = []string{
			"Secrets are not exported. Each is taken from the environment; the comment",
			"above it is \"sha256:\" and the first 12 digits of the value's SHA-256:",
			"  printf %s \"$" + secrets[0].Variable + "\" | sha256sum | cut -c1-12",
			"With the same values there is nothing to change.",
		}
		src, _ = config.WriteManifest(w)
	}
	differs, err := differences(w)
	if err != nil {
		return err
	}
	if path != "" {
		if err := session.WriteWhole(path, src, 0o644); err != nil { // it holds no secrets
			return err
		}
	}
	answer := exportAnswer{Manifest: w.Name, File: path, Source: string(src), Secrets: append([]config.WrittenSecret{}, secrets...), Unsaid: append([]string{}, differs...)}
	err = a.Data(c, answer, func() (string, error) {
		if path != "" {
			return "", nil
		}
		return answer.Source, nil
	})
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		a.Say("Warning: applying it deletes %s, which manifest %s owns, too, and which are not in it", few(rest), w.Name)
	}
	a.exported(w, secrets, differs, path)
	return nil
}

// restOf are those that a written manifest owns by its name and does not have.
func restOf(ctx context.Context, cl *client.Client, w config.Writing) ([]string, error) {
	all, err := parseSelection(nil)
	if err != nil {
		return nil, err
	}
	owned, err := all.find(ctx, cl, client.ResourceFilter{ClientID: w.Client, ManagedBy: w.Name, PageSize: 200})
	if err != nil {
		return nil, err
	}
	var rest []string
	for _, r := range owned {
		if !slices.ContainsFunc(w.Resources, func(o resource.Resource) bool { return o.Kind() == r.Kind() && o.Key() == r.Key() }) {
			rest = append(rest, strings.ReplaceAll(string(r.Kind()), "_", " ")+" "+r.Key())
		}
	}
	return rest, nil
}

// few are names as a sentence takes them.
func few(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}

// exportAnswer is what export says to programs.
type exportAnswer struct {
	Manifest string                 `json:"manifest"`
	File     string                 `json:"file,omitempty"`
	Source   string                 `json:"source"` // the HCL
	Secrets  []config.WrittenSecret `json:"secrets"`
	// Unsaid is what manifests cannot say, and an apply would change.
	Unsaid []string `json:"unsaid"`
}

// exported says what the reader of an export should know.
func (a *commands) exported(w config.Writing, secrets []config.WrittenSecret, differs []string, path string) {
	adopted := 0
	for _, r := range w.Resources {
		if r.Base().ManagedBy != w.Name {
			adopted++
		}
	}
	if adopted > 0 {
		a.Say("%d of %d resources belong to another manifest or to none; adopt = true takes them over when it is applied", adopted, len(w.Resources))
	}
	for _, s := range secrets {
		a.Say("Set %s to the %s of %s %s, whose fingerprint is %s", s.Variable, s.Field, strings.ReplaceAll(string(s.Kind), "_", " "), s.Code, s.Fingerprint)
	}
	for _, d := range differs {
		a.Say("Warning: a manifest cannot say this, and applying it would change it: %s", d)
	}
	if path != "" {
		a.Say("Wrote %d resources to %s. Next: fcctl plan -f %s", len(w.Resources), path, path)
	}
}

// differences reads what was written and plans it, as fcctl plan would, and
// lists what is not the same: fields that manifests do not have.
func differences(w config.Writing) ([]string, error) {
	w.Resources = withoutKeys(w.Resources)
	src, secrets := config.WriteManifest(w)
	// The values of secrets are not here: any text stands for them, and what
	// differs in a secret says nothing.
	env := func(name string) (string, bool) {
		return "x", slices.ContainsFunc(secrets, func(s config.WrittenSecret) bool { return s.Variable == name })
	}
	m, diags := config.LoadManifest("-", config.ManifestOptions{Stdin: strings.NewReader(string(src)), Env: env})
	var out []string
	for _, d := range diags {
		if d.Severity == config.SeverityError {
			out = append(out, d.Summary+": "+d.Detail)
		}
	}
	if m == nil {
		return out, nil
	}
	d, err := desired(m, nil)
	if err != nil {
		return nil, err
	}
	d.Anywhere = true // all that is here was asked for
	for _, c := range plan.Make(d, w.Resources).Changes {
		for _, at := range c.Attributes {
			if !at.Secret && at.Path != "managedBy" {
				out = append(out, fmt.Sprintf("%s of %s %s", at.Path, strings.ReplaceAll(string(c.Kind), "_", " "), c.Code))
			}
		}
	}
	return out, nil
}

// withoutKeys leaves out certificates whose keys are not here: without its key
// none can be checked.
func withoutKeys(rs []resource.Resource) []resource.Resource {
	out := slices.Clone(rs)
	for i, r := range out {
		if c, is := r.(*resource.Connection); is && !c.TLS.Key.IsZero() {
			without := *c
			without.TLS.Certificate, without.TLS.Key = "", resource.Secret{}
			out[i] = &without
		}
	}
	return out
}

// owner is the manifest that owns all of it, or "".
func owner(rs []resource.Resource) string {
	name := rs[0].Base().ManagedBy
	for _, r := range rs {
		if r.Base().ManagedBy != name {
			return ""
		}
	}
	return name
}

// selection is what to export: kinds, and the codes of each or nil for all.
type selection map[resource.Kind][]string

func parseSelection(args []string) (selection, error) {
	s := selection{}
	var names []string
	for _, info := range resource.Declared() {
		names = append(names, string(info.Kind))
		if len(args) == 0 {
			s[info.Kind] = nil
		}
	}
	for _, arg := range args {
		name, code, one := strings.Cut(arg, ".")
		info, ok := resource.ParseKind(name)
		if !ok || !info.Manifest {
			try := "fcctl export " + strings.Join(names, " ")
			if near := fault.Nearest(name, names); near != "" {
				try = "fcctl export " + strings.Replace(arg, name, near, 1)
			}
			return nil, fault.Usage(fmt.Sprintf("%s is no kind that a manifest declares", name), try)
		}
		codes, asked := s[info.Kind]
		switch {
		case !one, asked && codes == nil:
			s[info.Kind] = nil
		default:
			s[info.Kind] = append(codes, code)
		}
	}
	return s, nil
}

// find lists what is selected. What is asked for by its code must be there.
func (s selection) find(ctx context.Context, cl *client.Client, f client.ResourceFilter) ([]resource.Resource, error) {
	var out []resource.Resource
	for _, info := range resource.Declared() {
		codes, asked := s[info.Kind]
		if !asked {
			continue
		}
		var there []string
		if f.ClientID != "" && info.Kind.Everywhere() && codes == nil {
			continue // a manifest of a client does not declare it
		}
		for r, err := range cl.Resources(info.Kind).List(ctx, f) {
			if len(s) == len(resource.Declared()) && hiddenFrom(err, info) {
				break // asked for with all the rest
			}
			if err != nil {
				return nil, fmt.Errorf("list the %ss: %w", info.Title, err)
			}
			if f.ClientID == "" && r.Base().ClientID != "" && !info.Kind.Everywhere() || builtIn(r) {
				continue
			}
			there = append(there, r.Key())
			if codes == nil || slices.Contains(codes, r.Key()) {
				out = append(out, r)
			}
		}
		for _, code := range codes {
			if !slices.Contains(there, code) {
				try := "fcctl get " + info.Collection
				if near := fault.Nearest(code, there); near != "" {
					try = "fcctl export " + string(info.Kind) + "." + near
				}
				return nil, fault.New(fault.NotFound, try, "there is no %s %s", info.Title, code)
			}
		}
	}
	return out, nil
}

// builtIn says that no manifest declares a resource: it always exists, is an
// application's to declare, or is there only to be named.
func builtIn(r resource.Resource) bool {
	switch r := r.(type) {
	case *resource.Client:
		return r.Status == resource.ClientDeleted
	case *resource.Role:
		app, _ := r.Segments()
		return app == resource.PlatformApplication || r.Source == "SDK"
	}
	return r.Kind() == resource.KindDispatchPool && r.Key() == resource.DefaultPool && r.Base().ClientID == ""
}
