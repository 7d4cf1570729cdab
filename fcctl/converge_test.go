package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/cmd"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"pgregory.net/rapid"
)

// slot is a place for one resource.
type slot struct {
	kind resource.Kind
	code string
}

// standing is what a snapshot has of a resource.
type standing struct {
	id, owner string
	revision  int64
}

// convergence is one run of the property. Its codes begin with a name of its
// own, so that all runs share a daemon.
type convergence struct {
	*rapid.T
	s       *severed
	name    string
	home    string
	dir     string
	secrets map[string]string // the environment of its manifests
	met     map[string]int    // how often each fate was met
	slots   []slot
}

func (c *convergence) mine() string   { return c.name + "-mine" }
func (c *convergence) theirs() string { return c.name + "-theirs" }

// places are the slots of the kinds that take part.
func (c *convergence) places() []slot {
	var all []slot
	kinds := rapid.Permutation(resource.Declared()).Draw(c.T, "kinds")
	kinds = kinds[:rapid.IntRange(1, len(kinds)).Draw(c.T, "how many kinds")]
	slices.SortFunc(kinds, func(a, b resource.KindInfo) int { return cmp.Compare(a.Kind.Order(), b.Kind.Order()) })
	for _, info := range kinds {
		for _, letter := range []string{"a", "b"} {
			code := c.name + "-" + letter
			switch info.Kind {
			case resource.KindRole:
				code = c.name + ":" + letter
			case resource.KindEventType:
				code = c.name + ":sales:order:" + letter
			}
			all = append(all, slot{info.Kind, code})
		}
	}
	return all
}

// drawn is a resource for a slot that the server would accept.
func (c *convergence) drawn(s slot, connected bool) resource.Resource {
	n := rapid.IntRange(1, 3).Draw(c.T, fmt.Sprintf("variant of %s %s", s.kind, s.code))
	name := fmt.Sprintf("Number %d", n)
	off := new(bool)
	if n != 2 {
		*off = true
	}
	var r resource.Resource
	switch s.kind {
	case resource.KindClient:
		r = &resource.Client{Identifier: s.code, Name: name, Status: []string{"", "", resource.ClientSuspended}[n-1]}
	case resource.KindApplication:
		r = &resource.Application{Code: s.code, Name: name, Active: off}
	case resource.KindRole:
		r = &resource.Role{Name: s.code, DisplayName: name, Permissions: []string{"shop:sales:order:view", "shop:sales:order:create"}[:n-1]}
	case resource.KindServiceAccount:
		r = &resource.ServiceAccount{Code: s.code, Name: name, Active: off, ClientIDs: []string{"*"}}
	case resource.KindEventType:
		e := &resource.EventType{Code: s.code, Name: name}
		for v := range n {
			e.SpecVersions = append(e.SpecVersions, resource.SpecVersion{Version: fmt.Sprint(v + 1), Schema: json.RawMessage(fmt.Sprintf(`{"minimum":%d}`, n))})
		}
		r = e
	case resource.KindDispatchPool:
		r = &resource.DispatchPool{Code: s.code, Concurrency: n, Status: []string{"", "", resource.PoolSuspended}[n-1]}
	case resource.KindConnection:
		r = &resource.Connection{Code: s.code, URL: fmt.Sprintf("https://h%d.example.com", n), Headers: map[string]string{"X-Team": name},
			Signing: resource.Signing{Scheme: resource.SchemeFlowCatalyst, Secret: resource.NewSecret(fmt.Sprintf("secret-%s-%d", s.code, n))}}
	case resource.KindSubscription:
		sub := &resource.Subscription{Code: s.code, MaxRetries: n, Mode: []string{"", resource.ModeBlockOnError, ""}[n-1], Target: "https://h.example.com",
			EventTypes: []resource.Binding{{EventTypeCode: c.name + ":*:*:*", Filter: resource.Filter(fmt.Sprintf("data.x > %d.0", n))}}}
		if connected {
			sub.Target, sub.ConnectionCode = "", s.code
		}
		r = sub
	default:
		c.Fatalf("this test does not know the kind %s", s.kind)
	}
	r.Defaults()
	return r
}

// write writes a manifest of resources. Those that it shall take over are of
// another owner.
func (c *convergence) write(name, file string, rs []resource.Resource, moves string) string {
	c.Helper()
	values := map[string]string{}
	for _, r := range rs {
		_ = resource.EachSecret(r, func(field string, s *resource.Secret) error { // the visit does not fail
			values[fmt.Sprint(r.Kind(), r.Key(), field)] = s.Reveal()
			*s = resource.FingerprintOf(s.Fingerprint())
			return nil
		})
	}
	src, secrets := config.WriteManifest(config.Writing{Name: name, Resources: rs})
	for _, s := range secrets {
		c.secrets[s.Variable] = values[fmt.Sprint(s.Kind, s.Code, s.Field)]
	}
	path := filepath.Join(c.dir, file)
	if err := os.WriteFile(path, append(src, moves...), 0o600); err != nil {
		c.Fatal(err)
	}
	return path
}

// fcctl runs a command over the line that may be cut.
func (c *convergence) fcctl(args ...string) (code int, out, said string) {
	c.Helper()
	env := maps.Clone(c.secrets)
	env["HOME"], env["FCCTL_URL"], env["FCCTL_TOKEN"] = c.home, c.s.line.URL, c.s.token()
	var stdout, talk bytes.Buffer
	a := &app.App{Version: "test", In: strings.NewReader(""), Out: &stdout, Err: &talk,
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	code = cmd.Run(context.Background(), a, args)
	return code, stdout.String(), talk.String()
}

func (c *convergence) must(args ...string) {
	c.Helper()
	if code, out, said := c.fcctl(args...); code != fault.OK {
		c.Fatalf("fcctl %s: exit %d\n%s%s", strings.Join(args, " "), code, out, said)
	}
}

// snapshot is what there is, past fcctl. Nothing may be there twice.
func (c *convergence) snapshot() map[slot]standing {
	c.Helper()
	api := c.s.client()
	all := map[slot]standing{}
	for _, s := range c.slots {
		for r, err := range api.Resources(s.kind).List(context.Background(), client.ResourceFilter{Code: s.code}) {
			if err != nil {
				c.Fatal(err)
			}
			if cl, ok := r.(*resource.Client); ok && cl.Status == resource.ClientDeleted {
				continue
			}
			if _, twice := all[s]; twice {
				c.Fatalf("%s %s is there twice", s.kind, s.code)
			}
			m := r.Base()
			all[s] = standing{m.ID, m.ManagedBy, m.Revision}
		}
	}
	return all
}

// An apply may be cut off, come late, or meet a daemon that dies. Whatever is
// there, whatever is declared and however often that happens: either all of it
// was done or nothing, a plan and an apply finish it, the next plan is empty,
// nothing is there twice, and what the manifest does not own is as it was.
func TestAnInterruptedApplyConverges(t *testing.T) {
	t.Parallel()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		// A daemon that dies takes its time. This is the only property here.
		if err := flag.Set("rapid.checks", "25"); err != nil {
			t.Fatal(err)
		}
	}
	s := newSevered(t)
	dir, home := t.TempDir(), t.TempDir()
	runs := 0
	met := map[string]int{}
	defer func() { t.Logf("%d runs: %v", runs, met) }()
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		c := &convergence{T: rt, s: s, name: fmt.Sprintf("run%d", runs), home: home, dir: filepath.Join(dir, fmt.Sprint(runs)), secrets: map[string]string{}, met: met}
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		c.run()
	})
}

func (c *convergence) run() {
	c.s.set(arrives, 0)
	c.slots = c.places()
	ctx, api := context.Background(), c.s.client()
	if _, err := api.Resources(resource.KindApplication).Create(ctx, &resource.Application{Code: c.name, Name: "Home"}); err != nil {
		c.Fatal(err) // whose roles are declared
	}

	// What is there: nobody's, mine or another manifest's.
	owners := map[slot]string{}
	var mine, theirs []resource.Resource
	for _, s := range c.slots {
		who := rapid.SampledFrom([]string{"", "mine", "mine", "theirs", "nobody's"}).Draw(c.T, fmt.Sprintf("owner of %s %s", s.kind, s.code))
		owners[s] = who
		connected := owners[slot{resource.KindConnection, s.code}] == who
		switch who {
		case "mine":
			r := c.drawn(s, connected)
			r.Base().ManagedBy = c.mine()
			mine = append(mine, r)
		case "theirs":
			r := c.drawn(s, connected)
			r.Base().ManagedBy = c.theirs()
			theirs = append(theirs, r)
		case "nobody's":
			if _, err := api.Resources(s.kind).Create(ctx, c.drawn(s, false)); err != nil {
				c.Fatalf("create %s %s: %v", s.kind, s.code, err)
			}
		}
	}
	c.must("apply", "-auto-approve", "-f", c.write(c.mine(), "before.hcl", mine, ""))
	c.must("apply", "-auto-approve", "-f", c.write(c.theirs(), "theirs.hcl", theirs, ""))
	before := c.snapshot()

	// What is declared. A resource of another owner is taken over.
	declared := map[slot]bool{}
	var wanted []resource.Resource
	for _, s := range c.slots {
		if !rapid.Bool().Draw(c.T, fmt.Sprintf("declare %s %s", s.kind, s.code)) {
			continue
		}
		declared[s] = true
		r := c.drawn(s, declared[slot{resource.KindConnection, s.code}])
		if owners[s] == "mine" || owners[s] == "" {
			r.Base().ManagedBy = c.mine()
		}
		wanted = append(wanted, r)
	}
	renamed := map[slot]slot{} // from the new to the old
	moves := ""
	for i, s := range c.slots {
		to := slot{s.kind, c.name + "-a"}
		if s == to {
			to = c.slots[i+1]
		}
		if s.kind.Renamed() && owners[s] == "mine" && !declared[s] && declared[to] && owners[to] == "" && rapid.Bool().Draw(c.T, "rename "+s.code) {
			renamed[to] = s
			moves += fmt.Sprintf("\nmoved {\n  from = %s.%s\n  to   = %s.%s\n}\n", s.kind, s.code, to.kind, to.code)
		}
	}
	manifest := c.write(c.mine(), "after.hcl", wanted, moves)

	// done says whether a snapshot is what the manifest declares, and fails
	// where it is neither that nor what was before.
	done := func(when string) bool {
		c.Helper()
		now := c.snapshot()
		if maps.Equal(now, before) {
			return len(c.differs(manifest)) == 0
		}
		for _, s := range c.slots {
			was, there := before[s]
			is, stays := now[s]
			switch {
			case declared[s] && (!stays || is.owner != c.mine()):
				c.Fatalf("%s: %s %s is declared, and there is %+v", when, s.kind, s.code, is)
			case declared[s] && renamed[s] != (slot{}) && is.id != before[renamed[s]].id:
				c.Fatalf("%s: %s %s was to be renamed to %s, and is another", when, s.kind, renamed[s].code, s.code)
			case declared[s] && there && is.id != was.id && renamed[s] == (slot{}):
				c.Fatalf("%s: %s %s was made anew", when, s.kind, s.code)
			case !declared[s] && owners[s] == "mine" && stays:
				c.Fatalf("%s: %s %s is no longer declared, and there", when, s.kind, s.code)
			case !declared[s] && owners[s] != "mine" && is != was:
				c.Fatalf("%s: %s %s is not the manifest's and was %+v; now there is %+v", when, s.kind, s.code, was, is)
			}
		}
		if left := c.differs(manifest); len(left) > 0 {
			c.Fatalf("%s: a part was done, and left is %s", when, strings.Join(left, ", "))
		}
		return true
	}

	ended := false
	for range rapid.IntRange(1, 3).Draw(c.T, "interruptions") {
		f := rapid.SampledFrom([]fate{cutBefore, cutAfter, late, overtaken, cutAfter, late, overtaken, killedBefore, killedAmid, killedAfter}).Draw(c.T, "fate")
		pause := time.Duration(rapid.IntRange(0, 8000).Draw(c.T, "pause")) * time.Microsecond
		c.s.set(f, pause)
		code, out, said := c.fcctl("apply", "-auto-approve", "-f", manifest)
		switch {
		case !c.s.was() && code == fault.OK && strings.Contains(out, "Nothing to do"):
		case c.s.was() && code == fault.Failed && strings.Contains(said, "no answer came, so that all of it has been applied or nothing has"):
		default:
			c.Fatalf("an apply, which was sent (%v) and %s: exit %d\n%s%s", c.s.was(), f, code, out, said)
		}
		now := done(f.String())
		if c.s.was() {
			c.met[fmt.Sprintf("%s, done: %v", f, now)]++
		}
		if ended && !now {
			c.Fatalf("%s: what was applied is gone", f)
		}
		ended = now
	}

	c.s.set(arrives, 0)
	waiting := c.s.waiting()
	code, out, said := c.fcctl("apply", "-auto-approve", "-f", manifest)
	if waiting && c.s.was() && code == fault.Conflict && strings.Contains(said, "nothing was changed") {
		code, out, said = c.fcctl("apply", "-auto-approve", "-f", manifest)
	}
	if code != fault.OK {
		c.Fatalf("the last apply: exit %d\n%s%s", code, out, said)
	}
	if !done("in the end") {
		c.Fatalf("nothing was done")
	}
	if left := c.differs(manifest); len(left) > 0 {
		c.Fatalf("after the last apply a plan still has %s", strings.Join(left, ", "))
	}
	c.s.set(arrives, 0)
	c.must("apply", "-auto-approve", "-f", manifest)
	if c.s.was() {
		c.Fatalf("an apply with nothing to do was sent")
	}

	// What is later than all that undoes nothing that was done since.
	for _, s := range c.slots {
		if !declared[s] || !s.kind.Renamed() {
			continue
		}
		if _, err := c.s.client().Resources(s.kind).Update(ctx, s.code, map[string]string{"name": "By hand"}, 0); err != nil {
			c.Fatalf("change %s %s by hand: %v", s.kind, s.code, err)
		}
	}
	settled := c.snapshot()
	c.s.arrivals()
	if now := c.snapshot(); !maps.Equal(now, settled) {
		c.Fatalf("an apply that came late did something:\n%v\n%v", settled, now)
	}
}

// differs lists what a plan would change.
func (c *convergence) differs(manifest string) []string {
	c.Helper()
	code, out, said := c.fcctl("plan", "-f", manifest, "-o", "json")
	if code != fault.OK {
		c.Fatalf("plan: exit %d\n%s%s", code, out, said)
	}
	var p struct {
		Changes []struct{ Action, Kind, Code string }
	}
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		c.Fatalf("read the plan: %v", err)
	}
	var changes []string
	for _, ch := range p.Changes {
		if ch.Action != "no-op" {
			changes = append(changes, ch.Action+" "+ch.Kind+" "+ch.Code)
		}
	}
	return changes
}
