package layout

// A place is a part of the house: some packages under the same rules.
type place struct {
	name string
	// dirs are the package directories, relative to the module. "*" is one
	// segment, a final "/..." takes everything beneath as well.
	dirs []string
	// may lists the places it may import. Packages of one room, which is one
	// concrete match of a dir, may always import each other.
	may []string
	// kin lets its rooms import each other too. Services and backends are
	// not kin.
	kin bool
	// closed keeps libraries out: the standard library, and what begins with
	// one of outside.
	closed  bool
	outside []string
	// never are standard packages it must not import, "/..." as in dirs.
	never []string
	// only, if set, is the one file of an importing package outside of the
	// room that may name this place.
	only string
}

// pure is what a package without effects does not import: it neither opens
// nor reads anything, and what it decides depends on its arguments only.
var pure = []string{"os/...", "net", "net/http/...", "net/rpc/...", "net/smtp", "syscall/...", "database/...", "plugin", "log", "log/syslog"}

// core is what everything inside the daemon may lean on.
var core = []string{"resource", "flow", "match"}

// services carry out the arrows of the flow. They meet in the store and the
// queue, never in each other's code.
var services = []string{"platform", "stream", "scheduler", "router", "outbox", "bulk", "retention"}

// house is the plan. The first place that matches a package is its place.
var house = []place{
	{name: "resource", dirs: []string{"client/resource"}, closed: true},
	{name: "client", dirs: []string{"client/..."}, may: []string{"resource"}, kin: true, closed: true},
	{name: "config", dirs: []string{"config/..."}, may: []string{"resource"}, never: []string{"net/http/...", "database/..."}},
	{name: "plan", dirs: []string{"internal/plan/..."}, may: []string{"resource"}, never: pure},

	// Match is for the daemon and for who tries a manifest without one.
	{name: "flow", dirs: []string{"daemon/internal/flow"}, may: []string{"resource", "match"}, closed: true, never: pure},
	{name: "match", dirs: []string{"internal/match"}, may: []string{"resource"}, closed: true, outside: []string{"cel.dev/"}, never: pure},

	{name: "storetest", dirs: []string{"daemon/internal/store/storetest"}, may: join(core, "store")},
	{name: "store backend", dirs: []string{"daemon/internal/store/*/..."}, may: join(core, "store", "foundation"), only: "daemon/build.go"},
	{name: "store", dirs: []string{"daemon/internal/store"}, may: core},
	{name: "queuetest", dirs: []string{"daemon/internal/queue/queuetest"}, may: join(core, "queue")},
	{name: "queue backend", dirs: []string{"daemon/internal/queue/*/..."}, may: join(core, "queue", "foundation"), only: "daemon/build.go"},
	{name: "queue", dirs: []string{"daemon/internal/queue"}, may: core},

	// The catalog is the store's resources, decoded once per version.
	{name: "catalog", dirs: []string{"daemon/internal/catalog"}, may: join(core, "store")},
	// What a replay selects and where it goes, for who previews it and who
	// carries it out.
	{name: "replay", dirs: []string{"daemon/internal/replay"}, may: join(core, "store", "catalog")},
	// Foundations know nothing of the flow; they are what services stand on.
	{name: "foundation", dirs: []string{"daemon/internal/secrets/...", "daemon/internal/telemetry/...", "daemon/internal/backoff"}},
	{name: "schema", dirs: []string{"daemon/internal/schema"}, may: nil, never: pure},
	{name: "auth", dirs: []string{"daemon/internal/auth/..."}, may: join(core, "store", "foundation")},
	// Who may do what, made of the catalog once per version.
	{name: "iam", dirs: []string{"daemon/internal/iam"}, may: join(core, "store", "catalog", "auth", "foundation")},
	{name: "leader", dirs: []string{"daemon/internal/leader/..."}, may: join(core, "store", "foundation")},

	{name: "platform", dirs: []string{"daemon/internal/platform/..."}, may: join(core, "schema", "plan", "store", "catalog", "replay", "queue", "auth", "iam", "foundation")},
	// What people are told outside of the API.
	{name: "mail", dirs: []string{"daemon/internal/mail"}, closed: true},
	// Who comes in, and how.
	{name: "signin", dirs: []string{"daemon/internal/signin"}, may: join(core, "platform", "store", "auth", "iam", "mail", "foundation")},
	// What programs are let in with.
	{name: "oauth", dirs: []string{"daemon/internal/oauth"}, may: join(core, "store", "auth", "iam", "foundation")},
	{name: "federation", dirs: []string{"daemon/internal/federation/..."}, may: join(core, "platform", "store", "auth", "iam", "foundation")},
	{name: "stream", dirs: []string{"daemon/internal/stream/..."}, may: join(core, "store", "catalog", "queue", "leader", "foundation")},
	{name: "scheduler", dirs: []string{"daemon/internal/scheduler/..."}, may: join(core, "store", "catalog", "queue", "leader", "foundation")},
	{name: "router", dirs: []string{"daemon/internal/router/..."}, may: join(core, "client", "store", "catalog", "queue", "leader", "foundation")},
	{name: "bulk", dirs: []string{"daemon/internal/bulk"}, may: join(core, "store", "catalog", "replay", "foundation")},
	{name: "retention", dirs: []string{"daemon/internal/retention"}, may: join(core, "store", "catalog", "foundation")},
	{name: "outbox", dirs: []string{"daemon/internal/outbox/..."}, may: join(core, "client", "leader", "foundation")},

	{name: "api", dirs: []string{"daemon/internal/api/..."}, may: join(join(core, services...), "client", "plan", "store", "catalog", "queue", "auth", "iam", "signin", "oauth", "federation", "foundation")},
	{name: "daemontest", dirs: []string{"daemon/daemontest"}, may: []string{"daemon", "client", "config", "resource"}},
	{name: "daemon", dirs: []string{"daemon"}, may: join(join(core, services...), "client", "config", "plan", "store", "store backend", "catalog", "queue", "queue backend", "auth", "iam", "mail", "signin", "oauth", "federation", "leader", "foundation", "api")},
	{name: "fcd", dirs: []string{"fcd/..."}, may: []string{"daemon", "client", "config", "resource"}},

	{name: "fcctl", dirs: []string{"fcctl/..."}, may: []string{"client", "config", "plan", "match", "resource"}, kin: true},
	{name: "examples", dirs: []string{"examples/..."}, may: []string{"client", "resource"}},

	// Tools of the repository. They see what a user sees.
	{name: "golden", dirs: []string{"internal/golden"}, closed: true},
	{name: "layout", dirs: []string{"internal/layout"}, closed: true},
	// It writes a store's file beside fcd, for the bench.
	{name: "fill", dirs: []string{"internal/fill"}},
	{name: "bench", dirs: []string{"internal/bench/..."}, may: []string{"fill"}, closed: true,
		outside: []string{"github.com/creack/pty", "github.com/hinshun/vt10x"}}, // for the screen of fcctl
	{name: "docs", dirs: []string{"internal/docs"}, may: []string{"config", "resource"}},
	{name: "demo", dirs: []string{"internal/demo/..."}, may: []string{"client", "resource"}},
}

func join(a []string, b ...string) []string {
	return append(append(make([]string, 0, len(a)+len(b)), a...), b...)
}
