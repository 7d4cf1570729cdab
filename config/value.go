package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Secret is a value that cannot be printed; Reveal gives it to whoever
// connects.
type Secret = resource.Secret

// Setting is one effective value and where it came from.
type Setting struct {
	// Block is the path of block headers around it, from the outside in.
	Block []string `json:"block,omitempty"`
	Name  string   `json:"name"`
	// Value is written as HCL; secrets are not in it.
	Value string `json:"value"`
	// Origin is "file:line", the name of an environment variable, or
	// "default".
	Origin string `json:"origin"`
}

// opts says what an attribute is when the files do not have it: the value of
// an environment variable if env names one that is set, else def, unless it
// must be given.
type opts[T any] struct {
	def      T
	env      string
	adapt    func(string) string // of the environment's text
	required bool
	example  string // for the message about a missing one
}

// read asks a section for an attribute. On a fault it records a diagnostic
// and returns the default, so that reading can go on.
func read[T any](s *section, name string, k kind[T], o opts[T]) T {
	v, present, failed := s.value(name)
	switch {
	case failed:
		return o.def
	case present:
		a := s.body.Attributes[name]
		_, marks := v.UnmarkDeep()
		v, secrets := unseal(v)
		got, err := take(s, name, k, v, secrets)
		if secret, ok := any(&got).(*Secret); ok && err == nil {
			if *secret, err = asSpelled(name, *secret, marks); err == nil {
				err = s.spelledHere(name, a.Expr)
			}
		}
		if err != nil {
			if errors.Is(err, errLater) && s.r.diags.HasErrors() {
				s.r.untold++
			} else {
				s.fault(name, err)
			}
			return o.def
		}
		shown := k.show(got)
		if secrets != nil {
			shown = showSealed(a.Expr, secrets)
		}
		s.record(name, shown, rangeOf(a.NameRange).line())
		return got
	}
	if o.env != "" {
		if t, ok := s.r.env(o.env); ok && t != "" {
			if o.adapt != nil {
				t = o.adapt(t)
			}
			v, marks := textValue(t).Unmark()
			got, err := k.from(v)
			if secret, ok := any(&got).(*Secret); ok && err == nil {
				*secret, err = asSpelled(name, *secret, marks)
			}
			if err != nil {
				s.envFault(name, o.env, err)
				return o.def
			}
			s.record(name, k.show(got), o.env)
			return got
		}
	}
	if o.required {
		s.fail(s.place(), fmt.Sprintf("Missing attribute %q", name),
			fmt.Sprintf("%s needs %q: %s.", s.title(), name, k.want), name+" = "+o.example)
		return o.def
	}
	s.record(name, k.show(o.def), "default")
	return o.def
}

// errLater is a value that is not known. If there are errors already it
// follows from one of them, and saying so would only repeat it.
var errLater = errors.New("the value is not known")

// take converts a value, or sets it aside when its secret cannot be had yet.
func take[T any](s *section, name string, k kind[T], v cty.Value, secrets []*sealed) (T, error) {
	var zero T
	_, forSecret := any(zero).(Secret)
	if len(secrets) > 0 && s.r.openly && !forSecret {
		return zero, &fault{
			summary: "A secret does not belong here",
			detail:  fmt.Sprintf("%q is shown in plans and answers; a value from secret() would be too.", name),
		}
	}
	if !v.IsWhollyKnown() {
		for _, m := range secrets {
			if m.missing != nil {
				if !forSecret {
					return zero, m.missing
				}
				d := s.diagnostic(SeverityError, s.at(name), m.missing.summary, m.missing.detail, m.missing.try)
				s.r.later = append(s.r.later, d)
				return zero, nil
			}
		}
		return zero, errLater
	}
	got, err := k.from(v)
	if err != nil && secrets != nil {
		err = &fault{
			summary: fmt.Sprintf("Bad value for %q", name),
			detail:  fmt.Sprintf("Expected %s; what the secret holds is something else and is not shown.", k.want),
		}
	}
	return got, err
}

func (s *section) fault(name string, err error) {
	rng := s.at(name)
	var f *fault
	if !errors.As(err, &f) {
		f = &fault{summary: fmt.Sprintf("Bad value for %q", name), detail: sentence(err)}
	}
	s.fail(rng, f.summary, f.detail, f.try)
}

func (s *section) envFault(name, variable string, err error) {
	f := &fault{summary: fmt.Sprintf("Bad value for %q", name), detail: sentence(err)}
	errors.As(err, &f)
	s.r.diags = append(s.r.diags, Diagnostic{
		Severity: SeverityError, Summary: fmt.Sprintf("Environment variable %s: %s", variable, f.summary),
		Detail: fmt.Sprintf("%s It stands in for the absent %s of %s.", f.detail, name, s.title()), Try: f.try,
	})
}

func (s *section) record(name, value, origin string) {
	s.r.settings = append(s.r.settings, Setting{Block: slices.Clone(s.blocks), Name: name, Value: value, Origin: origin})
}

// unseal takes the marks off a value and returns the secrets in it.
func unseal(v cty.Value) (cty.Value, []*sealed) {
	plain, marks := v.UnmarkDeep()
	var out []*sealed
	for m := range marks {
		if m, ok := m.(*sealed); ok {
			out = append(out, m)
		}
	}
	return plain, out
}

func showSealed(e hclsyntax.Expression, secrets []*sealed) string {
	if _, call := e.(*hclsyntax.FunctionCallExpr); call && len(secrets) == 1 {
		return fmt.Sprintf("secret(%q)", secrets[0].ref)
	}
	return `"(secret)"`
}

// proxyURL is where a proxy listens, shown without its password; "" is none.
var proxyURL = kind[Secret]{
	want: `a proxy's URL such as "http://proxy.example.com:3128"`,
	from: func(v cty.Value) (Secret, error) {
		t, err := textOf("a proxy's URL", v)
		if err != nil || t == "" {
			return Secret{}, err
		}
		u, err := url.Parse(t)
		if err != nil || u.Scheme != "http" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return Secret{}, &fault{
				summary: "Bad proxy",
				detail:  "Expected http://host:port, with user:password@ before the host if the proxy wants that; the value is not repeated here because it may hold a password. Deliveries to https targets are encrypted through the proxy all the same.",
				try:     `"http://proxy.example.com:3128"`,
			}
		}
		return resource.NewSecret(t), nil
	},
	show: func(v Secret) string {
		u, err := url.Parse(v.Reveal())
		if err != nil {
			return `"(secret)"`
		}
		return quote(u.Redacted())
	},
}

// secretURL is a connection string, shown without its password.
var secretURL = kind[Secret]{
	want: "a URL",
	from: func(v cty.Value) (Secret, error) {
		t, err := textOf("a URL", v)
		if err != nil {
			return Secret{}, err
		}
		if u, err := url.Parse(t); err != nil || !strings.Contains(t, "://") || u.Scheme == "" {
			return Secret{}, &fault{summary: "Bad URL", detail: "Expected scheme://host/…; the value is not repeated here because it may hold a password."}
		}
		return resource.NewSecret(t), nil
	},
	show: func(v Secret) string {
		u, err := url.Parse(v.Reveal())
		if err != nil {
			return `"(secret)"`
		}
		return quote(u.Redacted())
	},
}
