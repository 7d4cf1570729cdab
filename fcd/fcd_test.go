package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be fcd as well: tests run it as a process of
// its own under that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fcd": main})
}

// patience bounds the wait for a fact that has to come.
const patience = 60 * time.Second

// instance is a running `fcd`.
type instance struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    string // its output, appended
	exited chan struct{}
	code   int // valid once exited is closed

	URL         string `json:"url"`
	AdminURL    string `json:"adminUrl"`
	Email       string `json:"email"`
	Password    string `json:"password"`
	AccessToken string `json:"accessToken"`
}

// spawn starts fcd in a directory of its own, with an environment that no
// other fcd configures. The test ends it, if nothing else has.
func spawn(t *testing.T, dir string, args ...string) *instance {
	t.Helper()
	return spawnWith(t, dir, nil, args...)
}

func spawnWith(t *testing.T, dir string, env []string, args ...string) *instance {
	t.Helper()
	i := &instance{t: t, exited: make(chan struct{}), log: filepath.Join(dir, "fcd.log")}
	log, err := os.OpenFile(i.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has its own handle
	i.cmd = exec.Command("fcd", args...)
	i.cmd.Dir, i.cmd.Stdout, i.cmd.Stderr = dir, log, log
	i.cmd.Env = append(environment(dir), env...)
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(i.exited)
		var exit *exec.ExitError
		if err := i.cmd.Wait(); errors.As(err, &exit) {
			i.code = exit.ExitCode()
		} else if err != nil {
			i.code = -1
		}
	}()
	t.Cleanup(func() {
		_ = i.cmd.Process.Kill()
		<-i.exited
	})
	return i
}

// environment is this process's without what configures an fcd.
func environment(dir string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "FC_") && !strings.HasPrefix(kv, "XDG_") && !strings.HasPrefix(kv, "NOTIFY_") && !strings.HasPrefix(kv, "WATCHDOG_") {
			env = append(env, kv)
		}
	}
	return append(env, "HOME="+dir, "XDG_STATE_HOME="+filepath.Join(dir, "state"))
}

// startDev starts `fcd dev` on the data in dir and waits until it is ready. An
// empty address is a free port.
func startDev(t *testing.T, dir, listen string) *instance {
	t.Helper()
	credentials := filepath.Join(dir, "data", credentialsFile)
	if err := os.Remove(credentials); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err) // a killed process leaves it
	}
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	i := spawn(t, dir, "dev", "--data-dir", filepath.Join(dir, "data"), "--listen", listen,
		"--router-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	i.until("fcd dev wrote its credentials", func() bool {
		b, err := os.ReadFile(credentials)
		return err == nil && json.Unmarshal(b, i) == nil && i.URL != ""
	})
	return i
}

// until waits for a fact about a process that must not end meanwhile.
func (i *instance) until(what string, so func() bool) {
	i.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-i.exited:
			if so() {
				return
			}
			i.t.Fatalf("fcd ended with code %d before: %s\n%s", i.code, what, i.output())
		case <-deadline.C:
			i.t.Fatalf("not within %s: %s\n%s", patience, what, i.output())
		}
	}
}

// end sends a signal and returns the exit code.
func (i *instance) end(s os.Signal) int {
	i.t.Helper()
	if err := i.cmd.Process.Signal(s); err != nil {
		i.t.Fatal(err)
	}
	return i.wait()
}

func (i *instance) wait() int {
	i.t.Helper()
	select {
	case <-i.exited:
		return i.code
	case <-time.After(patience):
		i.t.Fatalf("fcd did not end within %s\n%s", patience, i.output())
		return -1
	}
}

func (i *instance) output() string {
	b, err := os.ReadFile(i.log)
	if err != nil {
		return err.Error()
	}
	const most = 16 << 10
	return string(b[max(0, len(b)-most):])
}

// status asks for a URL; 0 means that nobody answered.
func status(t *testing.T, url string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	return res.StatusCode
}
