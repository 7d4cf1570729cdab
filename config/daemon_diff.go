package config

import (
	"fmt"
	"strings"
)

// Change is one difference between two effective configurations. A value
// that is absent on one side is "".
type Change struct {
	Name string `json:"name"` // "log.level", "service.router.egress.deny_private"
	Old  string `json:"old"`
	New  string `json:"new"`
	// Restart says that the running process keeps the old value until it is
	// started again.
	Restart bool `json:"restart"`
}

// live are the settings that a running process takes up on reload. The
// daemon's Reload and this table grow together.
var live = map[string]bool{
	"log.level":        true,
	"shutdown_timeout": true,
}

// String is a sentence for a log.
func (c Change) String() string {
	value := func(s string) string {
		if s == "" {
			return "(absent)"
		}
		return strings.Trim(s, `"`)
	}
	s := fmt.Sprintf("%s: %s -> %s", c.Name, value(c.Old), value(c.New))
	if c.Restart {
		s += " (needs a restart)"
	}
	return s
}

// path is the dotted name of a setting: `service "router"` > `egress` gives
// "service.router.egress.…".
func (s Setting) path() string {
	var parts []string
	for _, header := range s.Block {
		for word := range strings.FieldsSeq(header) {
			parts = append(parts, strings.Trim(word, `"`))
		}
	}
	return strings.Join(append(parts, s.Name), ".")
}

// Changes lists what differs from an older configuration, in the order of the
// language, what disappeared last. Secrets are compared by their references
// and, for URLs, without their passwords, since only those are kept.
func (d *Daemon) Changes(old *Daemon) []Change {
	before := map[string]string{}
	for _, s := range old.Settings {
		before[s.path()] = s.Value
	}
	var out []Change
	for _, s := range d.Settings {
		name := s.path()
		was := before[name]
		delete(before, name)
		if was != s.Value {
			out = append(out, Change{Name: name, Old: was, New: s.Value, Restart: !live[name]})
		}
	}
	for _, s := range old.Settings {
		if was, gone := before[s.path()]; gone {
			out = append(out, Change{Name: s.path(), Old: was, Restart: true})
		}
	}
	return out
}

// Diff is Changes in sentences: "log.level: info -> debug".
func (d *Daemon) Diff(old *Daemon) []string {
	var out []string
	for _, c := range d.Changes(old) {
		out = append(out, c.String())
	}
	return out
}
