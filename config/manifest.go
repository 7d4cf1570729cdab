package config

import (
	"fmt"
	"io"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// EnvVariable is the prefix of environment variables that set a manifest's
// variables: FCCTL_VAR_hooks sets var.hooks.
const EnvVariable = "FCCTL_VAR_"

// ManifestOptions say where a manifest's inputs come from.
type ManifestOptions struct {
	// Vars are values given on the command line; they win over VarFiles,
	// which win over the environment, which wins over defaults.
	Vars map[string]string
	// VarFiles hold `name = value` lines; a later file wins.
	VarFiles []string
	// Env looks up environment variables; nil is an empty environment.
	Env func(string) (string, bool)
	// Stdin is read for the path "-".
	Stdin io.Reader
}

// Manifest is a named set of resources.
type Manifest struct {
	Name string
	// Client is the identifier of the tenant; empty is anchor level.
	Client string
	// Resources are complete with defaults, valid as far as can be told
	// offline, in dependency order and by key.
	Resources []resource.Resource
	// Moves are of resources that had another code.
	Moves []Move

	items map[itemKey]*item
}

type itemKey struct {
	kind resource.Kind
	code string
}

// item is what the files say about one resource, beside its values.
type item struct {
	res    resource.Resource
	adopt  bool
	sec    *section
	block  hcl.Range
	fields map[string]field  // by the JSON name of the field
	names  map[string]string // JSON name to HCL name, of absent fields too
	zeros  []zero
}

// field is where a field of a noun stands in HCL, and under which name.
type field struct {
	name string
	rng  hcl.Range
}

// LoadManifest reads a file, the *.fc.hcl files of a directory as one, or
// standard input ("-"). The Manifest is nil if the diagnostics have errors.
func LoadManifest(path string, opts ManifestOptions) (*Manifest, Diagnostics) {
	if opts.Env == nil {
		opts.Env = func(string) (string, bool) { return "", false }
	}
	var files map[string][]byte
	var diags Diagnostics
	if path == "-" {
		files, diags = readStdin(opts.Stdin)
	} else {
		files, diags = readFiles(path, ".fc.hcl", "the manifest")
	}
	if diags.HasErrors() {
		return nil, diags
	}
	mr := &manifestReader{
		r: &reader{env: opts.Env, openly: true}, opts: opts,
		m: &Manifest{items: map[itemKey]*item{}}, labels: map[resource.Kind][]string{}, keys: map[string][]string{},
	}
	mr.read(files)
	diags = append(mr.r.diags, mr.r.later...).sort()
	if diags.HasErrors() {
		return nil, diags
	}
	return mr.m, diags
}

func readStdin(in io.Reader) (map[string][]byte, Diagnostics) {
	if in == nil {
		in = strings.NewReader("")
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("it is larger than %s", formatSize(maxFile))
	}
	if err != nil {
		return nil, Diagnostics{{Severity: SeverityError, Summary: "Cannot read the manifest from standard input", Detail: sentence(err)}}
	}
	return map[string][]byte{"<stdin>": b}, nil
}

// Adopts reports whether the manifest may take over a resource that exists
// and that it does not own yet.
func (m *Manifest) Adopts(kind resource.Kind, code string) bool {
	it := m.items[itemKey{kind, code}]
	return it != nil && it.adopt
}

// Where is the range of a field's value, named as in a resource.Problem:
// "eventTypes[0].filter". A part that is not written by itself gives the part
// around it, down to the header of the block; the zero Range says that the
// manifest has no such resource.
func (m *Manifest) Where(kind resource.Kind, code, fieldName string) Range {
	it := m.items[itemKey{kind, code}]
	if it == nil {
		return Range{}
	}
	return rangeOf(it.find(fieldName).rng)
}

// Diagnostic shows a finding of the server about a resource under the line
// that caused it.
func (m *Manifest) Diagnostic(kind resource.Kind, code string, p resource.Problem) Diagnostic {
	if it := m.items[itemKey{kind, code}]; it != nil {
		return it.diagnostic(p)
	}
	return Diagnostic{
		Severity: SeverityError, Summary: fmt.Sprintf("%s %q is not accepted", kind, code),
		Detail: strings.TrimSpace(p.Field+" "+strings.TrimSuffix(p.Detail, ".")) + ".", Try: p.Try,
	}
}

// find is the field of that name or the nearest one around it.
func (it *item) find(name string) field {
	for part := name; part != ""; {
		if f, ok := it.fields[part]; ok {
			return f
		}
		cut := strings.LastIndexAny(part, ".[")
		if cut < 0 {
			break
		}
		part = part[:cut]
	}
	return field{rng: it.block}
}

// diagnostic puts a noun's own finding into the words of HCL.
func (it *item) diagnostic(p resource.Problem) Diagnostic {
	f := it.find(p.Field)
	if p.Field == "" { // about the resource as a whole
		return it.sec.diagnostic(SeverityError, f.rng, fmt.Sprintf("%s is not accepted", it.sec.title()),
			strings.TrimSuffix(p.Detail, ".")+".", p.Try)
	}
	name, summary := f.name, "Invalid %q"
	if own, known := it.names[p.Field]; known && own != name {
		name, summary = own, "Missing attribute %q"
	} else if name == "" {
		name = p.Field
	}
	return it.sec.diagnostic(SeverityError, f.rng, fmt.Sprintf(summary, name),
		fmt.Sprintf("%s: %s.", name, strings.TrimSuffix(p.Detail, ".")), p.Try)
}

// manifestReader reads the top of a manifest's files.
type manifestReader struct {
	r      *reader
	opts   ManifestOptions
	top    *section
	m      *Manifest
	vars   map[string]cty.Value
	locals map[string]cty.Value
	labels map[resource.Kind][]string // that references can use
	keys   map[string][]string        // of for_each, by kind and label
	stage  stage
}

func (mr *manifestReader) read(files map[string][]byte) {
	body := mr.r.parse(files)
	if mr.r.diags.HasErrors() {
		return
	}
	ctx := &hcl.EvalContext{
		Functions: manifestFunctions(baseOf(files), mr.opts.Env),
		Variables: map[string]cty.Value{},
	}
	mr.top = mr.r.top(body, ctx)
	mr.r.refs = mr.reference
	mr.readVariables()
	mr.stage = stageLocals
	mr.readLocals()
	mr.stage = stageShape
	mr.readHeader()
	var blocks []*hclsyntax.Block
	for _, info := range resource.Declared() {
		example := "name"
		switch info.Kind {
		case resource.KindEventType:
			example = "orders:fulfillment:shipment:shipped"
		case resource.KindRole:
			example = "orders:clerk"
		}
		blocks = append(blocks, mr.top.children(string(info.Kind), []string{example}, true)...)
	}
	mr.readResources(blocks)
	mr.readMoves()
	mr.top.close()
	resource.Sort(mr.m.Resources)
}

func (mr *manifestReader) readHeader() {
	s, present := mr.top.child("manifest")
	if !present {
		mr.top.fail(hcl.Range{}, `Missing block "manifest"`,
			"A manifest has a name: it owns what it creates, and the name says who that is.",
			"manifest { name = \"orders\" }")
		return
	}
	mr.m.Name = read(s, "name", manifestName, opts[string]{required: true, example: `"orders"`})
	mr.m.Client = read(s, "client", text, opts[string]{})
	s.close()
}
