package config

import (
	"fmt"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// spelled marks a text that the language has changed: it keeps all text in
// Unicode's normal form C (NFC), which is right for names and wrong for
// secrets, whose bytes are what both sides sign with. The mark follows the
// value to where it is used.
type spelled struct{ bytes string }

// textValue is a text from outside, which remembers its bytes if the language
// has others.
func textValue(t string) cty.Value {
	v := cty.StringVal(t)
	if v.AsString() == t {
		return v
	}
	return v.Mark(&spelled{t})
}

// asSpelled gives a secret the bytes that it has outside. Of a part of a text,
// or of one that was put together, they are not known.
func asSpelled(name string, got Secret, marks cty.ValueMarks) (Secret, error) {
	other := false
	for m := range marks {
		s, ok := m.(*spelled)
		if !ok {
			continue
		}
		if got.Reveal() == cty.NormalizeString(s.bytes) {
			return resource.NewSecret(s.bytes), nil
		}
		other = true
	}
	if other {
		return Secret{}, &fault{
			summary: fmt.Sprintf("The bytes of %q are not kept", name),
			detail:  "It is made from text with characters that Unicode can write in several ways. What a manifest puts together is in normal form C (NFC), so the secret would not have the bytes that its text has outside.",
			try:     `the whole secret from one place: env("NAME"), secret("env://NAME") or file("path")`,
		}
	}
	return got, nil
}

// spelledHere refuses a secret that is written in the file itself and whose
// bytes the language changes.
func (s *section) spelledHere(name string, e hclsyntax.Expression) error {
	if _, written := e.(*hclsyntax.TemplateExpr); !written {
		return nil
	}
	t := string(e.Range().SliceBytes(s.r.src[e.Range().Filename]))
	if t == cty.NormalizeString(t) {
		return nil
	}
	return &fault{
		summary: fmt.Sprintf("The bytes of %q are not kept", name),
		detail:  "It has characters that Unicode can write in several ways. Text in this file becomes normal form C (NFC), so the secret would have other bytes than are written here.",
		try:     `env("NAME"), secret("env://NAME") or file("path"), which keep them`,
	}
}
