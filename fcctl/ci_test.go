package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

// pipeline is what a test needs of a CI file, GitHub's or GitLab's.
type pipeline struct {
	Jobs map[string]struct {
		Steps []struct{ Run string }
	}
	Default struct {
		BeforeScript []string `yaml:"before_script"`
	}
	Others map[string]any `yaml:",inline"`
}

// steps FILE JOB writes the commands of a job of examples/ci to JOB.sh, as its
// runner would run them one after the other.
func steps(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: steps FILE JOB")
	}
	b, err := os.ReadFile(filepath.Join(ts.Getenv("CI_EXAMPLES"), args[0]))
	ts.Check(err)
	var p pipeline
	ts.Check(yaml.Unmarshal(b, &p))
	var commands []string
	for _, s := range p.Jobs[args[1]].Steps {
		if s.Run != "" {
			commands = append(commands, s.Run)
		}
	}
	if job, is := p.Others[args[1]].(map[string]any); is {
		commands = append(commands, p.Default.BeforeScript...)
		script, _ := job["script"].([]any)
		for _, line := range script {
			commands = append(commands, line.(string))
		}
	}
	if len(commands) < 2 {
		ts.Fatalf("%s: the job %s has %d commands", args[0], args[1], len(commands))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".sh"), []byte(strings.Join(commands, "\n")+"\n"), 0o600))
}
