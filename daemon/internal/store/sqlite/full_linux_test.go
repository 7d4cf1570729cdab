package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A small file system that is really full. Only root may mount one; for all
// others the limit on files has to do.
func TestAFullFileSystemRefusesAndRecoversByItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Logf("no file system of our own: %v", err)
		return
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	var leave func()
	fullDisk(t, dir, disk{
		fill: func(t *testing.T, st *Store) {
			t.Helper()
			leave = stayReading(t, st) // see TestAFailingDiskRefusesAndRecoversByItself
			f, err := os.Create(ballast)
			must(t, err)
			defer f.Close()
			chunk := make([]byte, 4096)
			for err == nil {
				_, err = f.Write(chunk)
			}
		},
		free: func(t *testing.T, _ *Store) {
			t.Helper()
			must(t, os.Remove(ballast))
			leave()
		},
		whole: true,
	})
}
