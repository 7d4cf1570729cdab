package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// maxFields bounds a file of fields; the server takes no larger body.
const maxFields = 1 << 20

// fieldFlags say what a resource is to be.
func fieldFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "set", Usage: "a field: `NAME=TEXT`, or NAME:=JSON for what is no text; several are allowed"},
		&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "a JSON object of fields in `FILE`, - for standard input; keeps secrets out of ps"},
	}
}

// fieldsOf reads the fields that a command was given: the file's, and over
// them those of --set.
func (a *commands) fieldsOf(c *cli.Context) (map[string]any, error) {
	fields := map[string]any{}
	if name := c.String("file"); name != "" {
		in := a.In
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, fault.New(fault.Failed, "", "read the fields: %w", err)
			}
			defer f.Close()
			in = f
		}
		b, err := io.ReadAll(io.LimitReader(in, maxFields+1))
		if err != nil {
			return nil, fmt.Errorf("read the fields: %w", err)
		}
		if len(b) > maxFields {
			return nil, fault.Usage("the file of fields is larger than 1 MiB", c.Command.HelpName+" --help")
		}
		// The decoder's own words could show a secret that is in the file.
		if json.Unmarshal(b, &fields) != nil || fields == nil {
			return nil, fault.Usage("the file of fields is no JSON object", `{"name": "Acme"}`)
		}
	}
	for _, s := range c.StringSlice("set") {
		name, text, ok := strings.Cut(s, "=")
		if !ok || name == "" || name == ":" {
			return nil, fault.Usage("--set needs a name and a value", `--set name=Acme, or --set active:=false`)
		}
		bare, typed := strings.CutSuffix(name, ":")
		if !typed {
			fields[name] = text
			continue
		}
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			return nil, fault.Usage(fmt.Sprintf("the value of --set %s:= is no JSON", bare), fmt.Sprintf("--set %s=TEXT for a text", bare))
		}
		fields[bare] = v
	}
	return fields, nil
}

// nameIt gives the fields of a new resource the name that was typed.
func nameIt(fields map[string]any, kind resource.Kind, code string) {
	parts := strings.SplitN(code, "/", 3)
	if kind != resource.KindIdpRoleMapping || len(parts) < 3 {
		fields[kind.KeyField()] = code
		return
	}
	// A mapping is called domain/role there/role here, as get shows it.
	fields["emailDomain"], fields["idpRoleName"], fields["roleName"] = parts[0], parts[1], parts[2]
}
