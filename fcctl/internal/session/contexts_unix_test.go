//go:build unix

package session

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAFileIsWrittenWhereItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteWhole(link, []byte("new"), 0o640); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(file); string(b) != "new" {
		t.Errorf("what the link points to has %q", b)
	}
	for path, want := range map[string]fs.FileMode{link: fs.ModeSymlink, file: 0} {
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != want || want == 0 && info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}

	// A device such as /dev/null stays one.
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := WriteWhole(pipe, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if _, err := r.Read(b); err != nil || string(b) != "new" {
		t.Errorf("the pipe brought %q, %v", b, err)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("the pipe is %v, %v", info.Mode(), err)
	}
}
