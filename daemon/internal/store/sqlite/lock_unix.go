//go:build unix

package sqlite

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock that makes this process the owner of the database.
// The kernel drops it when the process ends, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(path)
		f.Close()
		return nil, &LockedError{Path: path, Owner: strings.TrimSpace(string(owner))}
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(lockOwner()), 0)
		if err != nil {
			// Who we are is a courtesy to the next; the lock itself holds.
			return f, nil
		}
	}
	return f, nil
}
