package config

import (
	"net/netip"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// Daemon is the configuration of one fcd process. A service that is not
// declared is nil and is not built.
type Daemon struct {
	// DataDir holds the databases, the keys and the lock.
	DataDir string
	// ShutdownTimeout bounds the drain after SIGTERM.
	ShutdownTimeout time.Duration
	Log             Log
	Admin           Admin
	Store           Store
	Queues          []Queue // at least one; without a block it is "default"
	Platform        *Platform
	Stream          *Stream
	Scheduler       *Scheduler
	Router          *Router
	Outboxes        []Outbox
	Retention       Retention
	// Mail is nil where there is no block.
	Mail *Mail
	// Leader is nil when leadership is a lease in the store.
	Leader *Leader

	// Settings are the effective values in the order of the language, with
	// their origins.
	Settings []Setting

	unavailable Diagnostics
}

// Log says what is logged and how.
type Log struct {
	Level  string // "debug", "info", "warn" or "error"
	Format string // "json" or "text"
}

// Admin is the listener for metrics and health, on every process.
type Admin struct {
	Listen string
}

// The kinds of store and queue.
const (
	SQLite   = "sqlite"
	MongoDB  = "mongodb"
	Postgres = "postgres"
	SQS      = "sqs"
	NATS     = "nats"
	AMQP     = "amqp"
)

// Store is where events, jobs and resources live.
type Store struct {
	Kind     string // SQLite, MongoDB or Postgres
	Path     string // of SQLite's file
	URL      Secret // of MongoDB and PostgreSQL
	Database string // of MongoDB
	Range    Range  // zero when there is no block
}

// Queue is where messages wait for a router.
type Queue struct {
	Kind  string // SQLite, SQS, NATS or AMQP
	Name  string
	Path  string // of SQLite's file
	URL   Secret // of a broker
	Range Range
}

// Platform is the API.
type Platform struct {
	Listen string
	// PublicURL is how the world reaches the API, without a final slash. It
	// is empty when it was not given and the port is 0: then only the
	// listener knows.
	PublicURL string
	// MaxBody is the largest request body, in bytes.
	MaxBody int64
	// TrustedProxies may say in X-Forwarded-For where a request comes from.
	TrustedProxies []netip.Prefix
	// UnknownEventTypes says what happens to events of types that nobody
	// declared: accept, warn or reject.
	UnknownEventTypes string
	CORS              CORS
	// PublishLimit is for each client that ClientLimits, by id or
	// identifier, has nothing for.
	PublishLimit PublishLimit
	ClientLimits map[string]PublishLimit
	// RotateKeys is how old a signing key becomes; 0 is as old as it likes.
	RotateKeys time.Duration
	Range      Range
}

// The kinds of mail.
const (
	MailSMTP = "smtp"
	MailLog  = "log"
)

// Mail says how people get messages such as the link of a password reset.
type Mail struct {
	Kind     string // MailSMTP or MailLog
	Links    bool   // of the log: it shows the links too
	Host     string // and port, of the mail server
	From     string
	Username string
	Password Secret
	TLS      string // "starttls", "tls" or "none"
	Range    Range
}

// Retention says how long things are kept. What has no age is kept for ever.
type Retention struct {
	Ages
	// Clients have ages of their own, by id or identifier.
	Clients map[string]Ages
	Range   Range
}

// Ages are how old things become before they are removed; 0 is for ever.
type Ages struct {
	Payloads time.Duration // the data of events and of jobs without one
	Events   time.Duration
	Jobs     time.Duration // counted from their end
	Attempts time.Duration // of jobs that have ended, counted from that
	Audit    time.Duration
}

// CORS says which pages may call the API from a browser.
type CORS struct {
	AllowedOrigins []string // none by default; "*" is any
	Credentials    bool     // whether they may send cookies
	MaxAge         time.Duration
}

// PublishLimit bounds what one client publishes: events and jobs of its own.
type PublishLimit struct {
	Rate  resource.Rate // 0 is no limit
	Burst int           // at once, after a rest
}

// Stream turns events into jobs.
type Stream struct {
	BatchSize int // events per fan-out
	Range     Range
}

// Scheduler hands jobs to the queue.
type Scheduler struct {
	PollInterval time.Duration // the safety net behind notifications
	BatchSize    int           // jobs per hand-over
	StaleAfter   time.Duration // after which a QUEUED job has lost its message
	Range        Range
}

// Router delivers.
type Router struct {
	Listen string
	// Auth says that the listener asks for tokens, as the platform does.
	Auth   bool
	Egress Egress
	Range  Range
}

// Egress says where deliveries may go; checked against the resolved address.
type Egress struct {
	DenyPrivate bool           // refuse private, loopback, link-local and metadata addresses
	AllowCIDRs  []netip.Prefix // allowed in spite of DenyPrivate
	HTTPSOnly   bool
	Proxy       Secret // http:// URL of the proxy that deliveries go through; zero is none
}

// Outbox reads events out of an application's table.
type Outbox struct {
	Name   string
	Source Source
	Range  Range
}

// Source is the database of an outbox.
type Source struct {
	Kind  string // "postgres", "mysql", "sqlite" or "mongodb"
	URL   Secret
	Table string
	Range Range
}

// Leader is leadership by Redis.
type Leader struct {
	RedisURL Secret
	Key      string
	TTL      time.Duration
	Range    Range
}

func (d *Daemon) serves() bool {
	return d.Platform != nil || d.Stream != nil || d.Scheduler != nil || d.Router != nil || len(d.Outboxes) > 0
}

// The environment variables that fill absent attributes.
const (
	EnvLogLevel    = "FC_LOG_LEVEL"
	EnvAPIPort     = "FC_API_PORT"
	EnvRouterPort  = "FC_ROUTER_PORT"
	EnvMetricsPort = "FC_METRICS_PORT"
	EnvDataDir     = "FC_DATA_DIR"
	EnvMongoURL    = "FC_MONGO_URL"
	EnvMongoDB     = "FC_MONGO_DB"
)

// defaults are what differs between fcd run and fcd dev.
type defaults struct {
	dataDir     string
	host        string // of listeners; empty is every interface
	logFormat   string
	denyPrivate bool
}

var runDefaults = defaults{dataDir: "/var/lib/flowcatalyst", logFormat: "json", denyPrivate: true}

// LoadDaemon reads a file, or the *.hcl files of a directory as one. The
// Daemon is nil if the diagnostics have errors.
func LoadDaemon(path string, env func(string) (string, bool)) (*Daemon, Diagnostics) {
	files, diags := readFiles(path, ".hcl", "the configuration")
	if diags.HasErrors() {
		return nil, diags
	}
	return ParseDaemon(files, env)
}

// ParseDaemon reads files that are in memory, by name, as one configuration.
// Names are shown in diagnostics, and file() starts from their folder.
func ParseDaemon(files map[string][]byte, env func(string) (string, bool)) (*Daemon, Diagnostics) {
	return parseDaemon(files, env, runDefaults)
}

// DevDaemon is the configuration of fcd dev: every service in one process on
// SQLite, on loopback, with loopback targets allowed and readable logs. An
// empty dataDir means FC_DATA_DIR, else "./.fc". If FC_MONGO_URL is set, the
// store is that MongoDB.
func DevDaemon(dataDir string, env func(string) (string, bool)) (*Daemon, Diagnostics) {
	def := defaults{dataDir: "./.fc", host: "127.0.0.1", logFormat: "text"}
	use := env
	if dataDir != "" {
		def.dataDir = dataDir
		use = func(name string) (string, bool) {
			if name == EnvDataDir {
				return "", false
			}
			return env(name)
		}
	}
	src := "service \"platform\" {}\nservice \"stream\" {}\nservice \"scheduler\" {}\nservice \"router\" {}\n"
	if u, ok := env(EnvMongoURL); ok && u != "" {
		src += "store \"mongodb\" {}\n"
	}
	d, diags := parseDaemon(map[string][]byte{"fcd dev": []byte(src)}, use, def)
	unplace(diags)
	if d != nil {
		unplace(d.unavailable)
		for i := range d.unavailable {
			d.unavailable[i].Try = "unset " + EnvMongoURL
		}
	}
	return d, diags
}

// unplace takes the places off diagnostics about a file that nobody wrote.
func unplace(ds Diagnostics) {
	for i := range ds {
		ds[i].Range, ds[i].Snippet = Range{}, nil
	}
}
