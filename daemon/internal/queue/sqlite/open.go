package sqlite

import (
	"errors"
	"fmt"
	"os"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// applicationID marks a file as a queue of this program: "FCqu".
const applicationID = 0x46437175

// migrations bring a file from version i to i+1. They are never changed, only
// added to.
var migrations = []string{
	`CREATE TABLE message (
		seq INTEGER PRIMARY KEY,
		id TEXT NOT NULL,
		enqueued_at INTEGER NOT NULL,
		body BLOB NOT NULL
	);
	CREATE TABLE dead_letter (
		key INTEGER PRIMARY KEY AUTOINCREMENT,
		id TEXT NOT NULL,
		enqueued_at INTEGER NOT NULL,
		dead_at INTEGER NOT NULL,
		deliveries INTEGER NOT NULL,
		reason TEXT NOT NULL,
		body BLOB NOT NULL
	);`,
}

// maxCheckedBytes is the largest file that is checked through at every start;
// a second should do for it. Damage in larger ones shows when it is read.
const maxCheckedBytes = 256 << 20

// lockPatience is how long a start waits for a process that is just ending.
const lockPatience = time.Second

// openDatabase opens and checks the file. Before all checks passed it writes
// nothing; create allows it to make a new file.
func openDatabase(path string, create bool) (_ *database, err error) {
	flags := sqlite.OpenReadWrite
	if create {
		flags |= sqlite.OpenCreate
	}
	conn, err := sqlite.OpenConn(path, flags)
	if err != nil {
		return nil, explain(err)
	}
	db := &database{conn: conn, path: path}
	defer func() {
		if err != nil {
			err = explain(err)
			db.close()
		}
	}()
	conn.SetBusyTimeout(lockPatience)
	// Exclusive before the first access: then the WAL needs no shared memory,
	// and a second process cannot hand out the same messages.
	if err := db.exec(`PRAGMA locking_mode=EXCLUSIVE`); err != nil {
		return nil, err
	}
	version, err := db.check(create)
	if err != nil {
		return nil, err
	}
	for _, pragma := range []string{
		`PRAGMA auto_vacuum=INCREMENTAL`,
		`PRAGMA journal_mode=WAL`,
		`PRAGMA synchronous=NORMAL`,
		`PRAGMA wal_autocheckpoint=0`,
		`PRAGMA cache_size=-8192`,
		`PRAGMA temp_store=MEMORY`,
	} {
		if err := db.exec(pragma); err != nil {
			return nil, fmt.Errorf("%s: %w", pragma, err)
		}
	}
	if err := db.migrate(version); err != nil {
		return nil, err
	}
	if err := db.prepare(); err != nil {
		return nil, err
	}
	for query, n := range map[string]*int64{
		`SELECT count(*) FROM message`:            &db.totals.messages,
		`SELECT count(*) FROM dead_letter`:        &db.totals.dead,
		`SELECT ifnull(max(seq), 0) FROM message`: &db.totals.maxSeq,
	} {
		if *n, err = db.number(query); err != nil {
			return nil, fmt.Errorf("count: %w", err)
		}
	}
	return db, nil
}

// check refuses what is not an intact queue, and returns its version.
func (db *database) check(create bool) (version int64, err error) {
	tables, err := db.number(`SELECT count(*) FROM sqlite_schema`)
	if err != nil {
		return 0, err
	}
	app, err := db.number(`PRAGMA application_id`)
	if err != nil {
		return 0, err
	}
	if version, err = db.number(`PRAGMA user_version`); err != nil {
		return 0, err
	}
	if tables == 0 && app == 0 && version == 0 {
		if !create {
			return 0, errors.New("the queue file was emptied while it was in use")
		}
		return 0, nil
	}
	if app != applicationID {
		return 0, errors.New("this SQLite database is not a queue; choose another path")
	}
	if version > int64(len(migrations)) {
		return 0, fmt.Errorf("the file has version %d and this program knows %d; use a newer program", version, len(migrations))
	}
	info, err := os.Stat(db.path)
	if err != nil {
		return 0, err
	}
	if !create || info.Size() > maxCheckedBytes {
		return version, nil
	}
	finding := "ok"
	err = sqlitex.ExecuteTransient(db.conn, `PRAGMA quick_check(1)`, &sqlitex.ExecOptions{
		ResultFunc: func(s *sqlite.Stmt) error {
			finding = s.ColumnText(0)
			return nil
		},
	})
	if err != nil {
		return 0, err
	}
	if finding != "ok" {
		return 0, fmt.Errorf("the file is damaged: %s", finding)
	}
	return version, nil
}

func (db *database) migrate(version int64) (err error) {
	if version == int64(len(migrations)) {
		return nil
	}
	end, err := sqlitex.ImmediateTransaction(db.conn)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer end(&err)
	for i := version; i < int64(len(migrations)); i++ {
		script := fmt.Sprintf("%s\nPRAGMA user_version=%d; PRAGMA application_id=%d;", migrations[i], i+1, applicationID)
		if err := sqlitex.ExecuteScript(db.conn, script, nil); err != nil {
			return fmt.Errorf("migrate to version %d: %w", i+1, err)
		}
	}
	return nil
}

func (db *database) exec(query string) error {
	return sqlitex.ExecuteTransient(db.conn, query, nil)
}

func (db *database) number(query string) (n int64, err error) {
	err = sqlitex.ExecuteTransient(db.conn, query, &sqlitex.ExecOptions{
		ResultFunc: func(s *sqlite.Stmt) error {
			n = s.ColumnInt64(0)
			return nil
		},
	})
	return n, err
}

// explain puts a sentence for a person before what SQLite says.
func explain(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultNotADB:
		return fmt.Errorf("the file is not a SQLite database; it was left as it is: %w", err)
	case sqlite.ResultCorrupt:
		return fmt.Errorf("the file is damaged; it was left as it is: %w", err)
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return fmt.Errorf("the file is in use by another process: %w", err)
	case sqlite.ResultCantOpen:
		return fmt.Errorf("the file cannot be opened; does its directory exist and may this user write there? %w", err)
	case sqlite.ResultReadOnly:
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	return err
}
