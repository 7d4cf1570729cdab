package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays HCL out as everybody does, comments included. What does not
// parse is not touched: the Diagnostics say where.
func Format(name string, src []byte) ([]byte, Diagnostics) {
	if _, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos); diags.HasErrors() {
		r := &reader{}
		r.parse(map[string][]byte{name: src})
		return nil, r.diags.sort()
	}
	return hclwrite.Format(src), nil
}
