package listen

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Place is where a listener stands.
type Place struct {
	// URL is the server's, since a place means nothing elsewhere.
	URL string `json:"url"`
	// Cursor is the stream's name for it; empty before the first connection.
	Cursor string `json:"cursor"`
	// Event and Time are the last event's that was dealt with, if there was
	// one: by them it can be told whether the server still has it.
	Event string    `json:"event,omitempty"`
	Time  time.Time `json:"time,omitzero"`
}

// File keeps a place across runs.
type File struct{ Path string }

// Load reads the place; found is false if none is kept.
func (f File) Load() (p Place, found bool, err error) {
	b, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("read where it stood: %w", err)
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, false, fmt.Errorf("read where it stood: %s: %w", f.Path, err)
	}
	return p, true, nil
}

// Save replaces the place in one step: whoever reads it sees the old or the new.
func (f File) Save(p Place) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("keep where it stands: %w", err)
	}
	next := filepath.Join(filepath.Dir(f.Path), "."+filepath.Base(f.Path)+".new")
	if err := os.WriteFile(next, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep where it stands: %w", err)
	}
	if err := os.Rename(next, f.Path); err != nil {
		return fmt.Errorf("keep where it stands: %w", err)
	}
	return nil
}
