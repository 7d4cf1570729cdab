package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestASecondOwnerIsRefusedAndToldWhoTheFirstIs(t *testing.T) {
	t.Parallel()
	st := setup(t)
	refused := func(err error, how string) {
		t.Helper()
		locked := new(LockedError)
		if !errors.As(err, &locked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) ||
			!strings.Contains(err.Error(), filepath.Dir(st.path)) {
			t.Errorf("%s: %v; want a LockedError with this process and the directory", how, err)
		}
	}
	for range 2 { // the refused one does not take the lock along when it leaves
		_, err := Open(st.path, Options{})
		refused(err, "open in this process")
	}
	said, err := child(t, roleOpen, st.path).Output()
	if err != nil || !strings.Contains(string(said), fmt.Sprintf("locked: the data in %s is in use by process %d", filepath.Dir(st.path), os.Getpid())) {
		t.Errorf("open in another process: %s, %v", said, err)
	}
	appendAll(t, st, events("e", "", 1, 10))

	shut(t, st)
	again, err := Open(st.path, Options{Now: noon})
	if err != nil {
		t.Fatalf("open after the first owner left: %v", err)
	}
	shut(t, again)
}

func TestOpenRefusesAndLeavesTheFileAsItIs(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		prepare func(t *testing.T, path string)
		want    string
	}{
		"a text file": {func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("These are my notes.\n", 100)))
		}, "not an SQLite database"},
		"a short text file": {func(t *testing.T, path string) { write(t, path, []byte("notes")) }, "not an SQLite database"},
		"another application's database": {func(t *testing.T, path string) {
			script(t, path, "CREATE TABLE recipes(name TEXT)")
		}, "another application"},
		"another application's database with a log": {func(t *testing.T, path string) {
			crashed(t, path, "PRAGMA journal_mode=WAL", "CREATE TABLE recipes(name TEXT)")
		}, "another application"},
		"a newer version": {func(t *testing.T, path string) {
			create(t, path)
			script(t, path, fmt.Sprintf("PRAGMA user_version=%d", len(migrations)+1))
		}, "newer build"},
		"a newer version with a log": {func(t *testing.T, path string) {
			create(t, path)
			crashed(t, path, fmt.Sprintf("PRAGMA user_version=%d", len(migrations)+1))
		}, "newer build"},
		"a file that lacks its end": {func(t *testing.T, path string) {
			create(t, path)
			image := read(t, path)
			write(t, path, image[:len(image)/2])
		}, "damaged"},
		"a file that lacks all but its first bytes": {func(t *testing.T, path string) {
			create(t, path)
			write(t, path, read(t, path)[:600])
		}, "damaged"},
		"a file with other pages": {func(t *testing.T, path string) {
			create(t, path)
			image := read(t, path)
			for i := 4096; i < len(image); i++ {
				image[i] ^= byte(i) | 1
			}
			write(t, path, image)
		}, "damaged"},
		"a directory": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "directory"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			c.prepare(t, path)
			before := map[string]string{}
			for _, f := range []string{path, path + "-wal"} {
				b, err := os.ReadFile(f)
				before[f] = fmt.Sprint(string(b), err != nil)
			}
			st, err := Open(path, Options{})
			if err == nil {
				_ = st.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("open: %v; want the path and %q", err, c.want)
			}
			for f, image := range before {
				b, err := os.ReadFile(f)
				if fmt.Sprint(string(b), err != nil) != image {
					t.Errorf("%s was changed", filepath.Base(f))
				}
			}
			// The lock is free again for whoever restores the file.
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			_ = os.Remove(path + "-wal")
			_ = os.Remove(path + "-shm")
			again, err := Open(path, Options{Now: noon})
			if err != nil {
				t.Fatalf("open where the file was: %v", err)
			}
			shut(t, again)
		})
	}
}

func TestADamagedPageIsTroubleAndNotAnAnswer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	create(t, path)
	st, err := Open(path, Options{CacheBytes: 1})
	must(t, err)
	root, err := st.wc.number("SELECT rootpage FROM sqlite_schema WHERE name = 'attempts'")
	must(t, err)
	must(t, st.Close())
	image := read(t, path)
	for i := (root - 1) * 4096; i < root*4096; i++ {
		image[i] = 0xA5
	}
	write(t, path, image)
	st, err = Open(path, Options{CacheBytes: 1})
	must(t, err) // nothing at opening looks there
	js := jobsOf(t, st, "sub_A")
	if _, err := st.Attempts(t.Context(), store.Everything, js[0].ID); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("attempts on a damaged page: %v, want %v", err, store.ErrUnavailable)
	}
	// What is not damaged goes on.
	appendAll(t, st, events("e", "", 1, 10))
	must(t, st.Close())
}

func TestLeasesOfTheFormerOwnerEndAtOpening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st := open(t, dir, Options{Now: noon})
	js := line(t, st, "sub_A", flow.Immediate, 4)
	must(t, markQueued(st, js[0].ID, js[1].ID))
	start(t, st, js[1].ID, 1)
	start(t, st, js[2].ID, 1)
	shut(t, st)

	st = open(t, dir, Options{Now: noon})
	defer shut(t, st)
	for i, want := range []struct {
		ticket   int64
		attempts int
	}{{0, 0}, {1, 1}, {1, 1}, {0, 0}} {
		j := job(t, st, js[i].ID)
		if j.Status != flow.Pending || j.Ticket != want.ticket || j.Attempts != want.attempts {
			t.Errorf("job %d is %s with ticket %d and %d attempts, want PENDING, %+v", i, j.Status, j.Ticket, j.Attempts, want)
		}
	}
	o, err := st.Offer(t.Context(), "sub_A", 10, noon)
	must(t, err)
	if len(o.Jobs) != 4 || o.Out != 0 {
		t.Errorf("%d jobs on offer, %d out; want all", len(o.Jobs), o.Out)
	}
}

func write(t testing.TB, path string, image []byte) {
	t.Helper()
	must(t, os.WriteFile(path, image, 0o600))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

// create makes a store with something in each of the big tables.
func create(t testing.TB, path string) {
	t.Helper()
	st, err := Open(path, Options{Now: noon})
	must(t, err)
	js := line(t, st, "sub_A", flow.Immediate, 200)
	record(t, st, start(t, st, js[0].ID, 1), flow.Delivered)
	shut(t, st)
}

// script runs statements on a file and closes it.
func script(t testing.TB, path string, statements ...string) {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	must(t, err)
	for _, s := range statements {
		must(t, (&conn{c: c}).run(s))
	}
	must(t, c.Close())
}

// crashed runs statements on a file and leaves it as a crash would: what they
// did is in the log alone.
func crashed(t testing.TB, path string, statements ...string) {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	must(t, err)
	for _, s := range statements {
		must(t, (&conn{c: c}).run(s))
	}
	image, log := read(t, path), read(t, path+"-wal")
	must(t, c.Close())
	_ = os.Remove(path + "-shm")
	write(t, path, image)
	write(t, path+"-wal", log)
}
