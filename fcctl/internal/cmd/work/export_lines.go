package work

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// lineBuffer is so many bytes that are written at once.
const lineBuffer = 64 << 10

// lines writes an export: whole lines of JSON, of which it knows up to which
// place they are really there.
type lines struct {
	// open makes what is written to, when there is something to write or the
	// export is over: a file of an earlier export stays until then.
	open func() (io.Writer, error)

	out     io.Writer
	file    file // that out is, or nil
	buf     bytes.Buffer
	held    []lineEnd // of the lines in buf
	n       int       // lines written
	place   string    // of the last of them
	cut     bool      // half a line stands after them
	written int64     // bytes that the file has
}

// file is what is left in order.
type file interface {
	Truncate(size int64) error
	Close() error
}

// lineEnd is where a line ends in the buffer, and its place among the events.
type lineEnd struct {
	at    int
	place string
}

// toFile writes to a file: anew, or with more behind what it has.
func toFile(name string, more bool) *lines {
	l := &lines{}
	l.open = func() (io.Writer, error) {
		how := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
		if more {
			how = os.O_CREATE | os.O_WRONLY | os.O_APPEND
		}
		f, err := os.OpenFile(name, how, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the export: %w", err)
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			l.written = info.Size()
		}
		l.file = f
		return f, nil
	}
	return l
}

// add takes a line.
func (l *lines) add(v any, place string) error {
	e := json.NewEncoder(&l.buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	l.held = append(l.held, lineEnd{l.buf.Len(), place})
	if l.buf.Len() < lineBuffer {
		return nil
	}
	return l.flush()
}

// total is how many lines there are, written or held.
func (l *lines) total() int { return l.n + len(l.held) }

// flush writes what is held. Where all of it can not be written, only whole
// lines stay.
func (l *lines) flush() error {
	if l.out == nil {
		var err error
		if l.out, err = l.open(); err != nil {
			l.held = nil
			return err
		}
	}
	n, err := l.out.Write(l.buf.Bytes())
	whole := 0
	for _, e := range l.held {
		if e.at > n {
			break
		}
		whole, l.place = e.at, e.place
		l.n++
	}
	l.buf.Reset()
	l.held = l.held[:0]
	if err != nil {
		l.cut = n > whole && !l.shorten(l.written+int64(whole))
		return fmt.Errorf("write the export: %w", err)
	}
	l.written += int64(n)
	return nil
}

// shorten takes the half of a line away that a full disk had room for.
func (l *lines) shorten(size int64) bool {
	return l.file != nil && l.file.Truncate(size) == nil
}

// close ends the file, if there is one.
func (l *lines) close() error {
	if l.file == nil {
		return nil
	}
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}
