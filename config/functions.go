package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// sealed marks a value that came from secret(). The mark follows the value
// through templates, so that nothing built from a secret is ever printed. A
// pointer, so that two references are two marks.
type sealed struct {
	ref string
	// missing says why the value is not here; the value is then unknown.
	missing *fault
}

// maxFile bounds what file() and secret() read.
const maxFile = 8 << 20

// functions are what both languages share; base is the folder that relative
// paths of file() start from.
func functions(base string, env func(string) (string, bool)) map[string]function.Function {
	return map[string]function.Function{
		"env":    discreet("env", envFunction(env)),
		"file":   discreet("file", fileFunction(base)),
		"secret": discreet("secret", secretFunction(env)),
	}
}

// manifestFunctions adds the usual functions on values.
func manifestFunctions(base string, env func(string) (string, bool)) map[string]function.Function {
	fns := functions(base, env)
	for name, f := range map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "chomp": stdlib.ChompFunc,
		"coalesce": stdlib.CoalesceFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc,
		"contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"flatten": stdlib.FlattenFunc, "floor": stdlib.FloorFunc, "format": stdlib.FormatFunc,
		"formatlist": stdlib.FormatListFunc, "indent": stdlib.IndentFunc, "join": stdlib.JoinFunc,
		"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc, "keys": stdlib.KeysFunc,
		"length": stdlib.LengthFunc, "lookup": stdlib.LookupFunc, "lower": stdlib.LowerFunc,
		"max": stdlib.MaxFunc, "merge": stdlib.MergeFunc, "min": stdlib.MinFunc,
		"range": stdlib.RangeFunc, "regex": stdlib.RegexFunc, "regexreplace": stdlib.RegexReplaceFunc,
		"replace": stdlib.ReplaceFunc, "reverse": stdlib.ReverseListFunc, "setproduct": stdlib.SetProductFunc,
		"slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "split": stdlib.SplitFunc,
		"substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc, "values": stdlib.ValuesFunc,
		"zipmap": stdlib.ZipmapFunc,
	} {
		fns[name] = discreet(name, f)
	}
	return fns
}

// envFunction is env(name[, default]).
func envFunction(env func(string) (string, bool)) function.Function {
	return function.New(&function.Spec{
		Description: "the value of an environment variable, or the default if it is not set",
		Params:      []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam:    &function.Parameter{Name: "default", Type: cty.String, AllowNull: true},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			if len(args) > 2 {
				return cty.NilVal, &fault{
					summary: "Too many arguments",
					detail:  "env takes the name of a variable and, if you like, one default.",
				}
			}
			if v, ok := env(name); ok {
				return textValue(v), nil
			}
			if len(args) == 2 {
				return args[1], nil
			}
			return cty.NilVal, missingVariable(name, fmt.Sprintf("env(%q, \"…\")", name))
		},
	})
}

func missingVariable(name, try string) *fault {
	f := &fault{
		summary: fmt.Sprintf("Environment variable %s is not set", name),
		detail:  "It is needed here and there is no default.",
		try:     fmt.Sprintf("export %s=…", name),
	}
	if try != "" {
		f.try += ", or a default: " + try
	}
	return f
}

// fileFunction is file(path): the text of a file.
func fileFunction(base string) function.Function {
	return function.New(&function.Spec{
		Description: "the text of a file, whose path is relative to the folder of the configuration",
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := readText(base, args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			return textValue(text), nil
		},
	})
}

func readText(base, path string) (string, error) {
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(base, full)
	}
	b, err := readBounded(full)
	if err != nil {
		return "", cannotRead(path, err)
	}
	return string(b), nil
}

// readBounded reads a file up to maxFile: a device has no end.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is larger than %s", formatSize(maxFile))}
	}
	return b, err
}

func cannotRead(path string, err error) *fault {
	f := &fault{summary: fmt.Sprintf("Cannot read %s", path)}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	f.detail = fmt.Sprintf("The file could not be read: %v.", err)
	if errors.Is(err, fs.ErrNotExist) {
		f.try = "a path relative to the folder of this file"
	}
	return f
}

var secretSchemes = []string{"env", "file", "aws-sm", "aws-ps", "vault", "encrypted"}

// secretFunction is secret(ref). env:// and file:// are resolved here; a
// reference to another provider gives a value that is not known yet, and
// whoever needs it says so.
func secretFunction(env func(string) (string, bool)) function.Function {
	return function.New(&function.Spec{
		Description: "a secret by reference: env://NAME, file:///path, vault://path#key, …",
		Params:      []function.Parameter{{Name: "reference", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			ref := args[0].AsString()
			v, err := resolveSecret(ref, env)
			var f *fault
			if errors.As(err, &f) && f.summary == noProvider {
				return cty.UnknownVal(cty.String).Mark(&sealed{ref: ref, missing: f}), nil
			}
			if err != nil {
				return cty.NilVal, err
			}
			return textValue(v).Mark(&sealed{ref: ref}), nil
		},
	})
}

const noProvider = "This build has no such secrets provider yet"

func resolveSecret(ref string, env func(string) (string, bool)) (string, error) {
	scheme, rest, ok := strings.Cut(ref, ":")
	name, slashed := strings.CutPrefix(rest, "//")
	switch {
	case ok && scheme == "env" && slashed && name != "":
		v, set := env(name)
		if !set {
			return "", missingVariable(name, "")
		}
		return v, nil
	case ok && scheme == "file" && strings.HasPrefix(name, "/"):
		text, err := readText("", name)
		// Editors and secret mounts end files with a line break that no
		// secret means.
		return strings.TrimRight(text, "\r\n"), err
	case ok && scheme == "encrypted" && rest != "", ok && slashed && name != "" && (scheme == "vault" || scheme == "aws-sm" || scheme == "aws-ps"):
		return "", &fault{
			summary: noProvider,
			detail:  fmt.Sprintf("The reference names the provider %q; this build resolves env:// and file:// only.", scheme),
			try:     `secret("env://NAME") or secret("file:///path")`,
		}
	}
	f := &fault{
		summary: "Bad secret reference",
		detail:  "A reference is env://NAME, file:///path, vault://path#key, aws-sm://name, aws-ps://name or encrypted:BASE64.",
	}
	if n := nearest(scheme, secretSchemes); ok && n != "" && n != scheme {
		f.try = n + ":" + rest
	}
	return "", f
}
