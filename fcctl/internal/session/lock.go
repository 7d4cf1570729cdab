package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// How long and how often another fcctl is waited for. It holds the lock while
// it refreshes a session, which is one request.
const (
	lockPatience = 45 * time.Second
	lockEvery    = 20 * time.Millisecond
)

// errHeld says that another process has the lock.
var errHeld = errors.New("another process has the lock")

// Change changes the file of contexts as it is now: no other fcctl changes it
// meanwhile. If do fails, nothing is written.
func (k *Keeper) Change(ctx context.Context, do func(*File) error) error {
	path, err := k.configPath()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(path), "fcctl.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	f, err := k.Contexts()
	if err != nil {
		return err
	}
	if err := do(f); err != nil {
		return err
	}
	return f.save()
}

// lock takes the lock of a file, and waits for it as long as ctx lasts and
// patience allows. The system drops it when the process ends, however it ends.
// The file itself stays: removing it would let two hold it.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the contexts: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for {
		err := tryLock(f)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, errHeld) {
			f.Close()
			return nil, fmt.Errorf("lock the contexts: %s: %w", path, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Close()
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, fault.New(fault.Failed, "again, once it has ended", "another fcctl holds %s", path)
			}
			return nil, ctx.Err()
		}
	}
}

// Hold takes the lock of a file for as long as a command runs, or fails at once:
// held says that another process has it.
func Hold(path string) (release func(), held bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, false, fmt.Errorf("lock %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock: %w", err)
	}
	if err := tryLock(f); err != nil {
		f.Close()
		return nil, errors.Is(err, errHeld), fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, false, nil
}
