package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// LockedError says that another process owns the database.
type LockedError struct {
	Path  string // of the lock file
	Owner string // "process 4711 on host, since …"
}

func (e *LockedError) Error() string {
	who := e.Owner
	if who == "" {
		who = "another process"
	}
	return fmt.Sprintf("the data in %s is in use by %s; one process owns a data directory. Stop that process, or choose another data directory", filepath.Dir(e.Path), who)
}

func lockOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	return fmt.Sprintf("process %d (%s) on %s since %s", os.Getpid(), filepath.Base(os.Args[0]), host, time.Now().UTC().Format(time.RFC3339))
}
