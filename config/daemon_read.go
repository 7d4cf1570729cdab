package config

import (
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func parseDaemon(files map[string][]byte, env func(string) (string, bool), def defaults) (*Daemon, Diagnostics) {
	r := &reader{env: env}
	body := r.parse(files)
	if r.diags.HasErrors() {
		return nil, r.diags.sort()
	}
	dr := &daemonReader{section: r.top(body, &hcl.EvalContext{Functions: functions(baseOf(files), env)}), def: def, d: &Daemon{}}
	dr.read()
	dr.d.Settings = r.settings
	dr.d.unavailable = append(dr.d.unavailable, r.later...).sort()
	diags := r.diags.sort()
	if diags.HasErrors() {
		return nil, diags
	}
	return dr.d, diags
}

// daemonReader reads the top of the files; each method reads one block.
type daemonReader struct {
	*section
	def defaults
	d   *Daemon
}

func (dr *daemonReader) read() {
	d := dr.d
	d.DataDir = read(dr.section, "data_dir", filledText, opts[string]{def: dr.def.dataDir, env: EnvDataDir})
	dr.ctx.Variables = map[string]cty.Value{"data_dir": cty.StringVal(d.DataDir)}
	d.ShutdownTimeout = read(dr.section, "shutdown_timeout", duration(time.Second), opts[time.Duration]{def: 30 * time.Second})

	log, _ := dr.child("log")
	d.Log.Level = read(log, "level", choice("log level", "debug", "info", "warn", "error"), opts[string]{def: "info", env: EnvLogLevel})
	d.Log.Format = read(log, "format", choice("log format", "json", "text"), opts[string]{def: dr.def.logFormat})
	log.close()

	admin, _ := dr.child("admin")
	d.Admin.Listen = dr.listen(admin, "9090", EnvMetricsPort)
	admin.close()
	listeners := []listener{{"admin", d.Admin.Listen, admin}}

	dr.store()
	dr.queues()
	listeners = append(listeners, dr.services()...)
	dr.retention()
	dr.mail()
	dr.leader()
	dr.close()
	conflicts(listeners)
	if !d.serves() && !dr.r.diags.HasErrors() {
		dr.add(SeverityWarning, hcl.Range{}, "No service is declared",
			"A service that is not declared is not built, so this process has nothing to do.",
			`service "platform" {}`)
	}
}

// listen reads the address of a listener; the environment may give its port.
func (dr *daemonReader) listen(s *section, port, env string) string {
	return read(s, "listen", address, opts[string]{
		def: net.JoinHostPort(dr.def.host, port),
		env: env,
		adapt: func(p string) string {
			return dr.def.host + ":" + p
		},
	})
}

// pick finds the blocks of a type whose first label is one of kinds, and
// reports the labels that are not.
func (dr *daemonReader) pick(kind string, labels []string, several bool, kinds ...string) []*hclsyntax.Block {
	var out []*hclsyntax.Block
	for _, b := range dr.children(kind, labels, several) {
		found := false
		for _, k := range kinds {
			found = found || k == b.Labels[0]
		}
		if !found {
			dr.inside(b).fail(b.LabelRanges[0], fmt.Sprintf("Unknown %s %q", kind, b.Labels[0]),
				fmt.Sprintf("A %s is %s.", kind, or(kinds)), tryNear(b.Labels[0], kinds))
			continue
		}
		out = append(out, b)
	}
	return out
}

func (dr *daemonReader) store() {
	d := dr.d
	s, k := dr.absent(`store "sqlite"`), SQLite
	for _, b := range dr.pick("store", []string{"sqlite"}, false, SQLite, MongoDB, Postgres) {
		s, k = dr.inside(b), b.Labels[0]
		d.Store.Range = rangeOf(*s.header)
	}
	d.Store.Kind = k
	switch k {
	case SQLite:
		d.Store.Path = read(s, "path", filledText, opts[string]{def: d.DataDir + "/flowcatalyst.db"})
	case MongoDB:
		d.Store.URL = read(s, "url", secretURL, opts[Secret]{env: EnvMongoURL, required: true, example: `env("FC_MONGO_URL", "mongodb://localhost:27017")`})
		d.Store.Database = read(s, "database", filledText, opts[string]{def: "flowcatalyst", env: EnvMongoDB})
	case Postgres:
		d.Store.URL = read(s, "url", secretURL, opts[Secret]{required: true, example: `env("DATABASE_URL")`})
	}
	s.close()
	if k != SQLite {
		dr.notBuilt(s, fmt.Sprintf("store %q", k), `store "sqlite" { … }`)
	}
}

func (dr *daemonReader) queues() {
	d := dr.d
	seen := map[string]hcl.Range{}
	blocks := dr.pick("queue", []string{"sqlite", "default"}, true, SQLite, SQS, NATS, AMQP)
	for _, b := range blocks {
		q := Queue{Kind: b.Labels[0], Name: b.Labels[1], Range: rangeOf(b.DefRange())}
		s := dr.inside(b)
		if first, dup := seen[q.Name]; dup {
			dr.duplicate(b, first, fmt.Sprintf("queue %q", q.Name))
			continue
		}
		seen[q.Name] = b.DefRange()
		switch q.Kind {
		case SQLite:
			q.Path = read(s, "path", filledText, opts[string]{def: d.DataDir + "/" + queueFile(q.Name)})
		case SQS:
			q.URL = read(s, "url", secretURL, opts[Secret]{required: true, example: `"https://sqs.eu-west-1.amazonaws.com/1/fc.fifo"`})
		case NATS:
			q.URL = read(s, "url", secretURL, opts[Secret]{required: true, example: `"nats://localhost:4222"`})
		case AMQP:
			q.URL = read(s, "url", secretURL, opts[Secret]{required: true, example: `"amqp://localhost:5672"`})
		}
		s.close()
		if q.Kind != SQLite {
			dr.notBuilt(s, fmt.Sprintf("queue %q", q.Kind), fmt.Sprintf("queue \"sqlite\" %q { … }", q.Name))
		}
		d.Queues = append(d.Queues, q)
	}
	if len(d.Queues) == 0 && len(blocks) == 0 {
		s := dr.absent(`queue "sqlite" "default"`)
		path := read(s, "path", filledText, opts[string]{def: d.DataDir + "/queue.db"})
		d.Queues = []Queue{{Kind: SQLite, Name: "default", Path: path}}
	}
}

// queueFile keeps two queues without a path out of one file.
func queueFile(name string) string {
	if name == "default" {
		return "queue.db"
	}
	return "queue-" + name + ".db"
}

func (dr *daemonReader) retention() {
	s, present := dr.child("retention")
	r := &dr.d.Retention
	r.Ages = readAges(s, Ages{})
	if present {
		r.Range = rangeOf(*s.header)
		for _, b := range s.children("client", []string{"acme"}, true) {
			c := s.inside(b)
			name := b.Labels[0]
			if _, dup := r.Clients[name]; dup {
				c.fail(b.LabelRanges[0], fmt.Sprintf("Client %q is there twice", name), "Each client has one block of ages.", "remove one of the two")
			}
			if r.Clients == nil {
				r.Clients = map[string]Ages{}
			}
			r.Clients[name] = readAges(c, r.Ages)
			c.close()
		}
	}
	s.close()
}

// readAges reads the ages of a block; what it does not say is as in general.
func readAges(s *section, general Ages) (a Ages) {
	for _, f := range []struct {
		name    string
		to      *time.Duration
		general time.Duration
	}{
		{"payloads", &a.Payloads, general.Payloads}, {"events", &a.Events, general.Events}, {"jobs", &a.Jobs, general.Jobs},
		{"attempts", &a.Attempts, general.Attempts}, {"audit", &a.Audit, general.Audit},
	} {
		*f.to = read(s, f.name, age, opts[time.Duration]{def: f.general})
	}
	return a
}

func (dr *daemonReader) leader() {
	s, present := dr.child("leader")
	if !present {
		return
	}
	dr.d.Leader = &Leader{
		RedisURL: read(s, "redis_url", secretURL, opts[Secret]{required: true, example: `"redis://localhost:6379"`}),
		Key:      read(s, "key", filledText, opts[string]{def: "fc:leader"}),
		TTL:      read(s, "ttl", duration(time.Second), opts[time.Duration]{def: 30 * time.Second}),
		Range:    rangeOf(*s.header),
	}
	s.close()
	dr.notBuilt(s, "leader", "remove the block: leadership is then a lease in the store")
}

// notBuilt notes a block that parses and that this build cannot serve.
func (dr *daemonReader) notBuilt(s *section, what, try string) {
	d := s.diagnostic(SeverityError, s.place(), "This build has no such backend yet: "+what,
		"The block is valid; what serves it is not part of this build.", try)
	dr.d.unavailable = append(dr.d.unavailable, d)
}

// Unavailable lists the parts of the configuration that are valid and that
// this build has no backend for. A process must refuse to run with them.
func (d *Daemon) Unavailable() Diagnostics { return d.unavailable }
