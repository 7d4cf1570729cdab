//go:build windows

package sqlite

import (
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile takes the lock that makes this process the owner of the database.
// The lock covers a byte far beyond the text, so that others can read it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	at := &windows.Overlapped{OffsetHigh: 1}
	if err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at); err != nil {
		owner, _ := os.ReadFile(path)
		f.Close()
		return nil, &LockedError{Path: path, Owner: string(owner)}
	}
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(lockOwner()), 0)
	}
	return f, nil
}
