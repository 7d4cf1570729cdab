package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"zombiezen.com/go/sqlite"
)

// applicationID marks our files ("FCst"), so that another application's
// database is refused and not filled with our tables.
const applicationID = 0x46437374

// migrations make the schema, one version after the other. A released entry
// is never changed; a new one is added. They run in one transaction.
var migrations = []string{
	// 1: the first schema. Times are milliseconds since the epoch, durations
	// microseconds, ids TSIDs as integers. An event's position is its id. A
	// job's status is stored plus 10; see jobs.go for why.
	`CREATE TABLE meta(
		key   TEXT PRIMARY KEY,
		value INTEGER NOT NULL
	) WITHOUT ROWID;
	INSERT INTO meta(key, value) VALUES ('fanned', 0), ('resources', 0);

	CREATE TABLE events(
		position       INTEGER PRIMARY KEY,
		type           TEXT NOT NULL,
		source         TEXT NOT NULL,
		subject        TEXT,
		time           INTEGER NOT NULL,
		client_id      TEXT,
		message_group  TEXT,
		correlation_id TEXT,
		dedup          TEXT,
		extra          TEXT,
		created_at     INTEGER NOT NULL,
		data           BLOB
	);
	CREATE UNIQUE INDEX events_dedup ON events(dedup) WHERE dedup IS NOT NULL;
	CREATE INDEX events_correlation ON events(correlation_id, position) WHERE correlation_id IS NOT NULL;

	CREATE TABLE policies(
		id   INTEGER PRIMARY KEY,
		body TEXT NOT NULL UNIQUE
	);

	CREATE TABLE jobs(
		id            INTEGER PRIMARY KEY,
		position      INTEGER NOT NULL,
		task          INTEGER NOT NULL,
		lane          TEXT NOT NULL,
		client_id     TEXT,
		replay        INTEGER NOT NULL,
		message_group TEXT,
		mode          INTEGER NOT NULL,
		order_key     BLOB,
		policy        INTEGER NOT NULL,
		status        INTEGER NOT NULL,
		ticket        INTEGER NOT NULL,
		due           INTEGER NOT NULL,
		waiting       INTEGER NOT NULL,
		ready         INTEGER NOT NULL,
		attempts      INTEGER NOT NULL,
		spent         INTEGER NOT NULL,
		lost          INTEGER NOT NULL,
		first_at      INTEGER,
		last_at       INTEGER,
		cancel_asked  INTEGER NOT NULL,
		reason        TEXT,
		last_error    TEXT,
		created_at    INTEGER NOT NULL,
		queued_at     INTEGER,
		completed_at  INTEGER,
		expires_at    INTEGER,
		duration      INTEGER
	);
	CREATE UNIQUE INDEX jobs_event ON jobs(position, lane, replay);
	CREATE INDEX jobs_lane ON jobs(lane, id);
	CREATE INDEX jobs_ready ON jobs(lane, due, position) WHERE ready = 1;
	CREATE INDEX jobs_waiting ON jobs(order_key, position) WHERE waiting = 1;
	CREATE INDEX jobs_dead ON jobs(status, id) WHERE status > 13;
	CREATE INDEX jobs_order ON jobs(order_key, id) WHERE order_key IS NOT NULL;

	CREATE TABLE tasks(
		job         INTEGER PRIMARY KEY,
		idempotency TEXT UNIQUE,
		correlation TEXT,
		body        TEXT NOT NULL
	);
	CREATE INDEX tasks_correlation ON tasks(correlation) WHERE correlation IS NOT NULL;

	CREATE TABLE attempts(
		job      INTEGER NOT NULL,
		number   INTEGER NOT NULL,
		at       INTEGER NOT NULL,
		duration INTEGER NOT NULL,
		verdict  INTEGER NOT NULL,
		status   INTEGER NOT NULL,
		detail   TEXT,
		body     BLOB,
		PRIMARY KEY(job, number)
	) WITHOUT ROWID;

	CREATE TABLE gates(
		key           BLOB PRIMARY KEY,
		holder        INTEGER NOT NULL,
		blocked       INTEGER,
		lane          TEXT NOT NULL,
		client_id     TEXT,
		message_group TEXT
	) WITHOUT ROWID;
	CREATE INDEX gates_blocked ON gates(blocked) WHERE blocked IS NOT NULL;

	CREATE TABLE holds(
		endpoint TEXT PRIMARY KEY,
		until    INTEGER NOT NULL,
		reason   TEXT NOT NULL
	) WITHOUT ROWID;

	CREATE TABLE documents(
		kind      TEXT NOT NULL,
		id        TEXT NOT NULL,
		client_id TEXT,
		code      TEXT NOT NULL,
		body      TEXT NOT NULL,
		revision  INTEGER NOT NULL,
		PRIMARY KEY(kind, id)
	) WITHOUT ROWID;

	CREATE TABLE audit(
		id           INTEGER PRIMARY KEY,
		entity_type  TEXT NOT NULL,
		entity_id    TEXT NOT NULL,
		operation    TEXT NOT NULL,
		before       TEXT,
		after        TEXT,
		principal_id TEXT,
		client_id    TEXT,
		request_id   TEXT,
		performed_at INTEGER NOT NULL
	);

	CREATE TABLE leases(
		name  TEXT PRIMARY KEY,
		owner TEXT NOT NULL,
		until INTEGER NOT NULL,
		fence INTEGER NOT NULL
	) WITHOUT ROWID;`,

	// 2: holds for a reason each, the progress of replays and letter tasks, and
	// what finds replays' jobs, the oldest dead letter and the blocked keys of
	// a lane. Nothing ever wrote to the holds of before. An id in the lane of a
	// replay has 13 characters, so that its subscription begins at the 17th.
	`DROP TABLE holds;
	CREATE TABLE holds(
		endpoint TEXT NOT NULL,
		reason   TEXT NOT NULL,
		until    INTEGER NOT NULL,
		room     INTEGER NOT NULL,
		trips    INTEGER NOT NULL,
		detail   TEXT,
		since    INTEGER,
		PRIMARY KEY(endpoint, reason)
	) WITHOUT ROWID;
	CREATE INDEX holds_until ON holds(until);

	CREATE TABLE works(
		id        INTEGER PRIMARY KEY,
		cursor    INTEGER NOT NULL,
		examined  INTEGER NOT NULL,
		created   INTEGER NOT NULL,
		completed INTEGER NOT NULL,
		failed    INTEGER NOT NULL,
		cancelled INTEGER NOT NULL,
		expired   INTEGER NOT NULL
	);

	CREATE INDEX jobs_replay ON jobs(replay, id) WHERE replay != 0;
	CREATE INDEX jobs_replayed ON jobs(substr(lane, 17), id) WHERE replay != 0;
	CREATE INDEX jobs_letters ON jobs(completed_at) WHERE status IN (14, 16);
	CREATE INDEX gates_lane ON gates(lane) WHERE blocked IS NOT NULL;`,

	// 3: small records with an end.
	`CREATE TABLE entries(
		space      TEXT NOT NULL,
		key        TEXT NOT NULL,
		grp        TEXT,
		owner      TEXT,
		body       BLOB,
		revision   INTEGER NOT NULL,
		expires_at INTEGER NOT NULL,
		PRIMARY KEY(space, key)
	) WITHOUT ROWID;
	CREATE INDEX entries_grp ON entries(space, grp, key) WHERE grp IS NOT NULL;
	CREATE INDEX entries_owner ON entries(space, owner, key) WHERE owner IS NOT NULL;
	CREATE INDEX entries_end ON entries(expires_at);`,

	// 4: what finds the few events and jobs of one client among many of others,
	// and what happened to one thing.
	`CREATE INDEX events_client ON events(client_id, position) WHERE client_id IS NOT NULL;
	CREATE INDEX jobs_client ON jobs(client_id, id) WHERE client_id IS NOT NULL;
	CREATE INDEX audit_entity ON audit(entity_id, id);`,

	// 5: sums by the hour (hour 0 is since ever).
	`CREATE TABLE rollups(
		hour   INTEGER NOT NULL,
		count  INTEGER NOT NULL,
		client TEXT NOT NULL,
		name   TEXT NOT NULL,
		n      INTEGER NOT NULL,
		PRIMARY KEY(hour, count, client, name)
	) WITHOUT ROWID;`,

	// 6: audit entries that applications report, each once.
	`ALTER TABLE audit ADD COLUMN report TEXT;
	ALTER TABLE audit ADD COLUMN dedup TEXT;
	CREATE UNIQUE INDEX audit_dedup ON audit(dedup) WHERE dedup IS NOT NULL;`,

	// 7: what expunges removed, as JSON.
	`ALTER TABLE works ADD COLUMN erased TEXT;`,
}

// checkFile refuses a file that is not ours. Where there is a log it only
// reads: a connection that can write would copy the log into the file when it
// is closed. Without a log, prepare is as careful.
func checkFile(path string) error {
	empty, err := checkHead(path)
	if err != nil || empty || walSize(path) == 0 {
		return err
	}
	sc, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return unreadable(path, err)
	}
	c := &conn{c: sc}
	_, _, err = c.whose(path)
	if cerr := sc.Close(); err == nil && cerr != nil {
		err = unreadable(path, cerr)
	}
	return err
}

// checkHead refuses a file that is no database at all. One that is not there,
// or empty, is for us to fill.
func checkHead(path string) (empty bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("open database %s: %w", path, err)
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if n == 0 && errors.Is(err, io.EOF) {
		return true, nil
	}
	if n == 0 && err != nil { // a directory, or nothing that can be read
		return false, fmt.Errorf("open database: %w", err)
	}
	if err != nil || string(head) != "SQLite format 3\x00" {
		return false, fmt.Errorf("open database %s: the file is not an SQLite database; nothing was changed. Restore it from a backup, or move it away to begin empty", path)
	}
	return false, nil
}

// whose says whether a database is still empty and which version its schema
// has, and refuses one that this build can not use.
func (c *conn) whose(path string) (empty bool, version int, err error) {
	tables, err := c.number("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return false, 0, unreadable(path, err)
	}
	app, err := c.number("PRAGMA application_id")
	if err != nil {
		return false, 0, unreadable(path, err)
	}
	if tables != 0 && app != applicationID {
		return false, 0, fmt.Errorf("open database %s: it belongs to another application; nothing was changed. Choose another path", path)
	}
	n, err := c.number("PRAGMA user_version")
	if err != nil {
		return false, 0, unreadable(path, err)
	}
	if int(n) > len(migrations) {
		return false, 0, fmt.Errorf("open database %s: its schema is version %d and this build knows %d; nothing was changed. Use a newer build", path, n, len(migrations))
	}
	return tables == 0, int(n), nil
}

// prepare sets the pragmas of the writer and brings the schema up to date.
func (c *conn) prepare(path string) error {
	empty, version, err := c.whose(path)
	if err != nil {
		return err
	}
	setup := []string{
		"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=0", fmt.Sprint("PRAGMA journal_size_limit=", logKept),
		"PRAGMA cache_size=-16384", "PRAGMA temp_store=MEMORY", "PRAGMA foreign_keys=OFF",
	}
	if empty {
		setup = append([]string{"PRAGMA auto_vacuum=INCREMENTAL"}, setup...)
	}
	for _, s := range setup {
		if err := c.run(s); err != nil {
			return fmt.Errorf("open database %s: %w", path, err)
		}
	}
	if version == len(migrations) {
		return nil
	}
	if err := c.migrate(version, len(migrations)); err != nil {
		_ = c.run("ROLLBACK")
		return fmt.Errorf("migrate database %s from version %d: %w", path, version, err)
	}
	return nil
}

func unreadable(path string, err error) error {
	if code := sqlite.ErrCode(err).ToPrimary(); code == sqlite.ResultCorrupt || code == sqlite.ResultNotADB {
		return fmt.Errorf("open database %s: the file is damaged (%w); nothing was changed. Restore it from a backup, or move it away to begin empty", path, err)
	}
	return fmt.Errorf("open database %s: %w", path, err)
}

func (c *conn) migrate(from, to int) error {
	if err := c.run("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, m := range migrations[from:to] {
		for _, s := range strings.Split(m, ";") {
			if strings.TrimSpace(s) == "" {
				continue
			}
			if err := c.run(s); err != nil {
				return err
			}
		}
	}
	for _, s := range []string{
		fmt.Sprintf("PRAGMA application_id=%d", applicationID),
		fmt.Sprintf("PRAGMA user_version=%d", to),
		"COMMIT",
	} {
		if err := c.run(s); err != nil {
			return err
		}
	}
	return nil
}

// number runs a query of one integer that is not kept.
func (c *conn) number(sql string) (int64, error) {
	s, _, err := c.c.PrepareTransient(sql)
	if err != nil {
		return 0, err
	}
	var n int64
	more, err := s.Step()
	if err == nil && more {
		n = s.ColumnInt64(0)
	}
	if ferr := s.Finalize(); err == nil {
		err = ferr
	}
	return n, err
}
