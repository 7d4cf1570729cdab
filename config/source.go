package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// readFiles reads a file, or every file of a directory that ends in suffix.
func readFiles(path, suffix, what string) (map[string][]byte, Diagnostics) {
	cannot := func(detail, try string) Diagnostics {
		return Diagnostics{{Severity: SeverityError, Summary: "Cannot read " + what, Detail: detail, Try: try}}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, cannot(sentence(err), "")
	}
	names := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, cannot(sentence(err), "")
		}
		names = nil
		for _, e := range entries {
			if !e.IsDir() && strings.HasSuffix(e.Name(), suffix) && !strings.HasPrefix(e.Name(), ".") {
				names = append(names, filepath.Join(path, e.Name()))
			}
		}
		if len(names) == 0 {
			return nil, cannot(fmt.Sprintf("The directory %s has no file that ends in %q.", path, suffix), "the path of a file")
		}
	}
	files := make(map[string][]byte, len(names))
	for _, n := range names {
		b, err := readBounded(n)
		if err != nil {
			return nil, cannot(sentence(err), "")
		}
		files[n] = b
	}
	return files, nil
}

func sentence(err error) string {
	s := err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		// The system call's name says nothing to somebody who mistyped a path.
		return fmt.Sprintf("%s: %v.", pe.Path, pe.Err)
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// baseOf is the folder that relative paths start from.
func baseOf(files map[string][]byte) string {
	for _, n := range fileNames(files) {
		return filepath.Dir(n)
	}
	return "."
}

func fileNames(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// parse reads the files as one body: blocks in the order of file names, each
// attribute once. After a syntax error there is nothing more to say: what
// the parser could save would only raise false alarms.
func (r *reader) parse(files map[string][]byte) *hclsyntax.Body {
	r.src = files
	merged := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	s := r.top(merged, nil)
	for _, name := range fileNames(files) {
		f, diags := hclsyntax.ParseConfig(files[name], name, hcl.InitialPos)
		if diags.HasErrors() {
			// Later syntax errors of a file mostly follow from the first.
			s.hcl(diags[:1])
		}
		if f == nil {
			continue
		}
		body, ok := f.Body.(*hclsyntax.Body)
		if !ok || diags.HasErrors() {
			continue
		}
		for an, a := range body.Attributes {
			if first, dup := merged.Attributes[an]; dup {
				s.fail(a.NameRange, fmt.Sprintf("Duplicate attribute %q", an),
					fmt.Sprintf("It is set at %s already; the files of a directory are read as one.", rangeOf(first.NameRange).line()),
					"remove one of the two")
				continue
			}
			merged.Attributes[an] = a
		}
		merged.Blocks = append(merged.Blocks, body.Blocks...)
		merged.SrcRange, merged.EndRange = body.SrcRange, body.EndRange
	}
	return merged
}
