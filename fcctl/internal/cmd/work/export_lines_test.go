package work

import (
	"bytes"
	"io"
	"strings"
	"syscall"
	"testing"
)

// disk is a file on a disk with so much room.
type disk struct {
	bytes.Buffer
	room int
}

func (d *disk) Write(p []byte) (int, error) {
	n, _ := d.Buffer.Write(p[:min(len(p), d.room-d.Len())])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *disk) Truncate(size int64) error {
	d.Buffer.Truncate(int(size))
	return nil
}

func (d *disk) Close() error { return nil }

// A full disk leaves whole lines, and the place of the last of them.
func TestAFullDiskLeavesWholeLines(t *testing.T) {
	t.Parallel()
	for room, want := range map[int]struct {
		text, place string
		n           int
	}{
		4:  {"", "before", 0},
		5:  {"\"aa\"\n", "p1", 1},
		9:  {"\"aa\"\n", "p1", 1},
		10: {"\"aa\"\n\"bb\"\n", "p2", 2},
		14: {"\"aa\"\n\"bb\"\n", "p2", 2},
	} {
		d := &disk{room: room}
		l := &lines{place: "before"}
		l.open = func() (io.Writer, error) { l.file = d; return d, nil }
		for i, s := range []string{"aa", "bb", "cc"} {
			if err := l.add(s, "p"+string(rune('1'+i))); err != nil {
				t.Fatal(err)
			}
		}
		err := l.flush()
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("room for %d: %v", room, err)
		}
		if d.String() != want.text || l.place != want.place || l.n != want.n || l.cut {
			t.Errorf("room for %d: %q, %d lines up to %s, cut %v", room, d.String(), l.n, l.place, l.cut)
		}
	}
}
