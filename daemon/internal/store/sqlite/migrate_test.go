package sqlite

import (
	"path/filepath"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// asOfVersion1 turns a file back into what a build of an earlier version would
// have left, without any of what later versions added.
func asOfVersion1(t *testing.T, path string) {
	t.Helper()
	c, err := openConn(path)
	must(t, err)
	defer func() { must(t, c.c.Close()) }()
	for _, s := range []string{
		"DROP INDEX jobs_replay", "DROP INDEX jobs_replayed", "DROP INDEX jobs_letters", "DROP INDEX gates_lane",
		"DROP TABLE works", "DROP TABLE holds", "DROP TABLE entries", "DROP TABLE rollups",
		"DROP INDEX events_client", "DROP INDEX jobs_client", "DROP INDEX audit_entity",
		"DROP INDEX audit_dedup", "ALTER TABLE audit DROP COLUMN dedup", "ALTER TABLE audit DROP COLUMN report",
		"CREATE TABLE holds(endpoint TEXT PRIMARY KEY, until INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID",
		"PRAGMA user_version=1",
	} {
		must(t, c.run(s))
	}
}

func schemaOf(t *testing.T, path string) (objects []string) {
	t.Helper()
	c, err := openConn(path)
	must(t, err)
	defer func() { must(t, c.c.Close()) }()
	must(t, c.q("SELECT name || ' ' || sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").each(func(s *sqlite.Stmt) bool {
		objects = append(objects, s.ColumnText(0))
		return true
	}))
	return objects
}

func TestAnOlderFileIsBroughtUpToDateWithAllThatIsInIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")

	// The first schema is frozen: what it makes is what was released.
	first, err := openConn(filepath.Join(dir, "first.db"))
	must(t, err)
	must(t, first.migrate(0, 1))
	n, err := first.number("SELECT count(*) FROM sqlite_schema WHERE name IN ('works', 'jobs_letters')")
	must(t, err)
	if n != 0 {
		t.Errorf("the first version has %d of the second's tables and indexes", n)
	}
	must(t, first.c.Close())

	st := open(t, dir, Options{Now: noon})
	js := line(t, st, "sub_B", flow.BlockOnError, 4)
	record(t, st, start(t, st, js[0].ID, 1), flow.Reject)
	free := line(t, st, "sub_I", flow.Immediate, 3)
	record(t, st, start(t, st, free[0].ID, 1), flow.Delivered)
	record(t, st, start(t, st, free[1].ID, 1), flow.Reject)
	shut(t, st)
	fresh := schemaOf(t, path)
	asOfVersion1(t, path)

	st = open(t, dir, Options{Now: noon})
	wantConsistent(t, st)
	s, err := st.Stats(t.Context())
	must(t, err)
	if s.DeadLetters != 2 || s.BlockedKeys != 1 || !s.OldestLetter.Equal(noon) || !s.OldestBlocked.Equal(noon) || s.OpenJobs != 4 {
		t.Errorf("the stats of the older file are %+v", s)
	}
	page, err := st.Letters(t.Context(), store.Everything, 0, store.JobQuery{})
	must(t, err)
	if len(page.Jobs) != 2 {
		t.Errorf("%d dead letters are found in the older file, want 2", len(page.Jobs))
	}
	must(t, st.Hold(t.Context(), store.Hold{Endpoint: "con_A", Reason: store.HoldPaused, Until: noon.Add(1)}))
	n2, err := st.CancelLane(t.Context(), "sub_B", flow.ReasonSubscription, noon, 100)
	must(t, err)
	if n2 != 3 {
		t.Errorf("%d jobs of the blocked lane were cancelled, want 3", n2)
	}
	shut(t, st)
	migrated := schemaOf(t, path)
	if len(migrated) != len(fresh) {
		t.Fatalf("the migrated file has %d tables and indexes, a new one %d", len(migrated), len(fresh))
	}
	for i := range fresh {
		if fresh[i] != migrated[i] {
			t.Errorf("the migrated file has\n%s\na new one\n%s", migrated[i], fresh[i])
		}
	}
}
