package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

type documented struct {
	Tags    []struct{ Name, Description string }
	Servers []struct{ URL string }
	Paths   map[string]map[string]struct {
		Summary, Description string
		Tags                 []string
		Permission           string `json:"x-permission"`
		Security             *[]map[string][]string
		Parameters           []struct {
			Name, In, Description string
			Example               any
		}
		RequestBody *struct {
			Content map[string]struct{ Example json.RawMessage }
		}
		Responses map[string]struct {
			Ref     string `json:"$ref"`
			Content map[string]struct{ Example json.RawMessage }
		}
	}
	Components struct {
		SecuritySchemes map[string]struct{ Description string }
		Responses       map[string]struct {
			Description string
			Content     map[string]struct{ Example json.RawMessage }
		}
	}
}

// Whoever adds a route says what it is: this fails for what the document
// leaves open.
func TestTheDocumentLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var doc documented
	written, err := w.api.openapi()
	if err == nil {
		err = json.Unmarshal(written, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]bool{}
	for _, tag := range doc.Tags {
		if tags[tag.Name] = true; tag.Description == "" {
			t.Errorf("tag %s says nothing", tag.Name)
		}
	}
	operations := 0
	for path, ops := range doc.Paths {
		for verb, op := range ops {
			operations++
			open := func(what string) { t.Errorf("%s %s: %s", strings.ToUpper(verb), path, what) }
			if op.Summary == "" {
				open("it has no summary; give its row one")
			}
			if len(op.Tags) != 1 || !tags[op.Tags[0]] {
				open("it has no tag that apidoc/tags.go describes")
			}
			if op.Security == nil {
				open("it does not say whether it needs a token")
			} else {
				for _, s := range *op.Security {
					for name := range s {
						if doc.Components.SecuritySchemes[name].Description == "" {
							open("security scheme " + name + " is not described")
						}
					}
				}
				if len(*op.Security) > 0 && op.Responses["401"].Ref == "" {
					open("it does not say 401")
				}
			}
			if op.Permission != "" && (op.Responses["403"].Ref == "" || !strings.Contains(op.Description, op.Permission)) {
				open("its permission is not in its description and its 403")
			}
			for _, p := range op.Parameters {
				if p.Description == "" || p.Example == nil {
					open(p.In + " parameter " + p.Name + " has no description or no example; give its field a doc, or both a row in apidoc/parameters.go")
				}
				if p.In == "path" && op.Responses["404"].Ref == "" {
					open("it does not say 404")
				}
			}
			if op.RequestBody != nil {
				for media, c := range op.RequestBody.Content {
					if len(c.Example) == 0 {
						open("its request has no example as " + media + "; see TestExamplesAreWhatTheAPIAnswers")
					}
				}
				if _, isJSON := op.RequestBody.Content["application/json"]; isJSON && (op.Responses["400"].Ref == "" || op.Responses["413"].Ref == "") {
					open("it does not say 400 and 413")
				}
			}
			for status, r := range op.Responses {
				if r.Ref != "" && doc.Components.Responses[r.Ref[strings.LastIndexByte(r.Ref, '/')+1:]].Description == "" {
					open(status + " refers to nothing")
				}
				for media, c := range r.Content {
					if status != "default" && len(c.Example) == 0 && path != "/openapi.json" {
						open("its answer has no example as " + media + "; see TestExamplesAreWhatTheAPIAnswers")
					}
				}
			}
		}
	}
	if operations < 200 || len(doc.Servers) != 1 {
		t.Errorf("%d operations and %v: the check would be hollow", operations, doc.Servers)
	}
	for name, r := range doc.Components.Responses {
		var p Problem
		for media, c := range r.Content {
			if name == "OAuthError" {
				continue
			}
			if err := json.Unmarshal(c.Example, &p); err != nil || media != problemJSON || p.Code == "" || p.Detail == "" {
				t.Errorf("the example of %s is no problem: %s", name, c.Example)
			}
		}
	}
	for _, path := range limited {
		if _, there := doc.Paths[path]; !there {
			t.Errorf("%s is said to be limited, and is no path", path)
		}
	}
	if !slices.ContainsFunc(doc.Tags, func(tag struct{ Name, Description string }) bool { return tag.Name == "events" }) {
		t.Error("the tag of events is not there")
	}
}
