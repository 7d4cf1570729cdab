package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// stage is a throw-away world: a directory, an fcd in it, and an fcctl that
// knows only this fcd.
type stage struct {
	dir   string
	bin   string
	fcd   *exec.Cmd
	ended chan error // of fcd
}

// credentials are what fcd dev writes down for its user.
type credentials struct {
	URL         string `json:"url"`
	AccessToken string `json:"accessToken"`
}

func newStage(bin string) (*stage, error) {
	for _, name := range []string{"fcd", "fcctl"} {
		if _, err := exec.LookPath(filepath.Join(bin, name)); err != nil {
			return nil, fmt.Errorf("%s is not built. Try: make build", filepath.Join(bin, name))
		}
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "fc-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	return &stage{dir: dir, bin: bin}, nil
}

// env keeps the demo away from the user's own contexts and running fcd.
func (s *stage) env() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "FC_") && !strings.HasPrefix(kv, "FCCTL_") && !strings.HasPrefix(kv, "XDG_") {
			env = append(env, kv)
		}
	}
	return append(env, "HOME="+s.dir, "XDG_STATE_HOME="+filepath.Join(s.dir, "state"), "XDG_CONFIG_HOME="+filepath.Join(s.dir, "config"))
}

// start runs fcd dev and waits until it says where it is.
func (s *stage) start(ctx context.Context) (*credentials, error) {
	data := filepath.Join(s.dir, "data")
	log, err := os.Create(filepath.Join(s.dir, "fcd.log"))
	if err != nil {
		return nil, fmt.Errorf("start fcd: %w", err)
	}
	defer log.Close()
	const any = "127.0.0.1:0"
	s.fcd = exec.Command(filepath.Join(s.bin, "fcd"), "dev", "--data-dir", data, "--listen", any, "--router-listen", any, "--admin-listen", any)
	s.fcd.Env, s.fcd.Stdout, s.fcd.Stderr = s.env(), log, log
	if err := s.fcd.Start(); err != nil {
		return nil, fmt.Errorf("start fcd: %w", err)
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.fcd.Wait() }()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		b, err := os.ReadFile(filepath.Join(data, "dev-credentials.json"))
		if err == nil {
			c := new(credentials)
			if json.Unmarshal(b, c) == nil && c.URL != "" {
				return c, nil
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("start fcd: %w", err)
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			return nil, fmt.Errorf("fcd ended before it was ready: %v", err)
		case <-ctx.Done():
			return nil, errors.New("fcd was not ready in time")
		case <-tick.C:
		}
	}
}

// fcctl runs a command as a person would and returns what it said.
func (s *stage) fcctl(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, "fcctl"), args...)
	c.Env = s.env()
	var both bytes.Buffer
	c.Stdout, c.Stderr = &both, &both
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("fcctl %s: %w\n%s", strings.Join(args, " "), err, both.String())
	}
	return both.String(), nil
}

// stop ends fcd as systemd would, and by force if it does not go.
func (s *stage) stop() error {
	if s.fcd == nil || s.fcd.Process == nil {
		return nil
	}
	if err := s.fcd.Process.Signal(os.Interrupt); err != nil {
		// It is gone already, or this system has no signals.
		_ = s.fcd.Process.Kill()
	}
	select {
	case err := <-s.ended:
		if err != nil {
			return fmt.Errorf("fcd ended with an error: %w", err)
		}
		return nil
	case <-time.After(15 * time.Second):
		_ = s.fcd.Process.Kill()
		<-s.ended
		return errors.New("fcd did not stop within 15 s and was killed")
	}
}

// logTail is the end of what fcd said.
func (s *stage) logTail() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "fcd.log"))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
