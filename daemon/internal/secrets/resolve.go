package secrets

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxFileBytes bounds a secret in a file.
const maxFileBytes = 64 << 10

// ErrReference says that a text is not a reference that this build can
// resolve.
var ErrReference = errors.New("not a reference to a secret")

// A Resolver looks up what references stand for:
//
//	env://NAME       an environment variable, which must be set and not empty
//	file:///path     the content of a file, without the line break at its end
//	encrypted:BASE64 a value sealed with the box, for no place
type Resolver struct {
	// Box opens encrypted references; without one they are refused.
	Box *Box
	// Env looks up a variable; nil means os.LookupEnv.
	Env func(name string) (string, bool)
}

// IsReference is true if a text has the form of a reference. The schemes of
// providers that this build does not have count too, so that such a reference
// is refused and not taken for the secret itself.
func IsReference(s string) bool {
	for _, prefix := range []string{"env://", "file://", Prefix, "aws-sm://", "aws-ps://", "vault://"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// Resolve gives the value of a reference. The error wraps ErrReference if the
// text is none, and never has the value in it.
func (r Resolver) Resolve(ref string) (string, error) {
	if name, ok := strings.CutPrefix(ref, "env://"); ok {
		return r.env(name)
	}
	if path, ok := strings.CutPrefix(ref, "file://"); ok {
		return readFile(path)
	}
	if strings.HasPrefix(ref, Prefix) {
		if r.Box == nil {
			return "", errors.New("resolve secret: an encrypted reference needs a key, and there is none")
		}
		v, err := r.Box.Open(ref)
		if err != nil {
			return "", fmt.Errorf("resolve secret: %w", err)
		}
		return v, nil
	}
	if IsReference(ref) {
		scheme, _, _ := strings.Cut(ref, "://")
		return "", fmt.Errorf("resolve secret: this build has no provider for %s:// (%w). Try: env://NAME or file:///path", scheme, ErrReference)
	}
	// The text may be the secret itself, so it is not repeated.
	return "", fmt.Errorf("resolve secret: %w. Try: env://NAME or file:///path", ErrReference)
}

func (r Resolver) env(name string) (string, error) {
	lookup := r.Env
	if lookup == nil {
		lookup = os.LookupEnv
	}
	if name == "" {
		return "", fmt.Errorf("resolve secret env://: %w without a name", ErrReference)
	}
	v, ok := lookup(name)
	switch {
	case !ok:
		return "", fmt.Errorf("resolve secret env://%s: the variable is not set", name)
	case v == "":
		return "", fmt.Errorf("resolve secret env://%s: the variable is empty", name)
	}
	return v, nil
}

func readFile(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("resolve secret file://%s: %w: the path is not absolute. Try: file:///%s", path, ErrReference, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("resolve secret: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("resolve secret file://%s: %w", path, err)
	case len(b) > maxFileBytes:
		return "", fmt.Errorf("resolve secret file://%s: the file has more than %d bytes", path, maxFileBytes)
	}
	// Editors and echo end a file with a line break that nobody meant.
	v := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if v == "" {
		return "", fmt.Errorf("resolve secret file://%s: the file is empty", path)
	}
	return v, nil
}
