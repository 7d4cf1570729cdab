package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long fcd may take to come up and to drain.
const (
	startPatience = 30 * time.Second
	stopPatience  = 30 * time.Second
)

// A daemon is a running `fcd dev` on a data directory of its own.
type daemon struct {
	cmd    *exec.Cmd
	dir    string
	binary string
	log    *os.File
	exited chan struct{}
	exit   error // valid once exited is closed

	URL      string `json:"url"`
	AdminURL string `json:"adminUrl"`
	Email    string `json:"email"`
	Password string `json:"password"`
	token    string
	ready    time.Duration // from start to the first ready answer
	config   string        // of an `fcd run`; empty is `fcd dev`
}

// startDaemon runs the fcd binary on a fresh directory inside base and returns
// when it is ready and logged in to.
func startDaemon(ctx context.Context, binary, base string) (*daemon, error) {
	dir, err := os.MkdirTemp(base, "fcd-")
	if err != nil {
		return nil, fmt.Errorf("start fcd: %w", err)
	}
	d, err := openDaemon(ctx, binary, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return d, nil
}

// openDaemon runs the fcd binary on a directory that may have been used before.
func openDaemon(ctx context.Context, binary, dir string) (*daemon, error) {
	d := &daemon{dir: dir, binary: binary}
	var err error
	if d.log, err = os.Create(filepath.Join(dir, "fcd.log")); err != nil {
		return nil, fmt.Errorf("start fcd: %w", err)
	}
	if err := d.launch(ctx); err != nil {
		return nil, errors.Join(err, d.log.Close())
	}
	return d, nil
}

// launch runs the binary on the directory, or with the configuration, and returns
// when it is ready and there is a token. If that fails, nothing runs.
func (d *daemon) launch(ctx context.Context) error {
	data := filepath.Join(d.dir, "data")
	credentials := filepath.Join(data, "dev-credentials.json")
	if err := os.Remove(credentials); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("start fcd: %w", err) // an earlier run's would pass for this one's
	}
	const free = "127.0.0.1:0"
	d.cmd = exec.CommandContext(ctx, d.binary, "dev", "--data-dir", data,
		"--listen", free, "--router-listen", free, "--admin-listen", free)
	if d.config != "" {
		d.cmd = exec.CommandContext(ctx, d.binary, "run", "-c", d.config)
	}
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	d.cmd.Env = environment(d.dir)
	d.exited, d.exit = make(chan struct{}), nil
	began := time.Now()
	if err := d.cmd.Start(); err != nil {
		return fmt.Errorf("start fcd: %w", err)
	}
	go func() {
		d.exit = d.cmd.Wait()
		close(d.exited)
	}()
	if err := d.await(ctx, credentials); err != nil {
		err = fmt.Errorf("start fcd: %w\n%s", err, d.tail())
		return errors.Join(err, d.end())
	}
	d.ready = time.Since(began)
	if d.config != "" {
		return nil // it has a token
	}
	var session struct {
		AccessToken string `json:"accessToken"`
	}
	login := map[string]string{"email": d.Email, "password": d.Password}
	if err := call(ctx, http.MethodPost, d.URL+"/auth/login", "", login, &session); err != nil {
		return errors.Join(fmt.Errorf("log in to fcd: %w", err), d.end())
	}
	d.token = session.AccessToken
	return nil
}

// kill ends the process at once, as a power cut would.
func (d *daemon) kill() error {
	if err := d.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill fcd: %w", err)
	}
	<-d.exited
	return nil
}

// environment is this process's without what would configure fcd, and with
// the user's own configuration out of reach.
func environment(dir string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "FC_") && !strings.HasPrefix(kv, "FCCTL_") && !strings.HasPrefix(kv, "XDG_") {
			env = append(env, kv)
		}
	}
	home := filepath.Join(dir, "home")
	return append(env, "FC_LOG_LEVEL=warn", "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home)
}

// await waits for the credentials file and for readiness.
func (d *daemon) await(ctx context.Context, credentials string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("not ready after %s", startPatience))
	defer cancel()
	for {
		known := d.config != ""
		if b, err := os.ReadFile(credentials); !known && err == nil {
			known = json.Unmarshal(b, d) == nil && d.AdminURL != ""
		}
		if known {
			if call(ctx, http.MethodGet, d.AdminURL+"/q/ready", "", nil, nil) == nil {
				return nil
			}
		}
		select {
		case <-d.exited:
			return fmt.Errorf("it ended: %w", d.ended())
		default:
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

func (d *daemon) ended() error {
	if d.exit == nil {
		return errors.New("exit status 0")
	}
	return d.exit
}

// stop ends fcd and removes its directory.
func (d *daemon) stop() error { return errors.Join(d.end(), d.remove()) }

func (d *daemon) remove() error {
	_ = d.log.Close()
	return os.RemoveAll(d.dir)
}

// end asks fcd to drain and waits until it has ended. An fcd that ends badly,
// or not at all, is an error.
func (d *daemon) end() error {
	select {
	case <-d.exited:
		if d.exit == nil {
			d.exit = errors.New("it had ended by itself")
		}
	default:
		if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			_ = d.cmd.Process.Kill()
		}
		timer := time.NewTimer(stopPatience)
		defer timer.Stop()
		select {
		case <-d.exited:
		case <-timer.C:
			_ = d.cmd.Process.Kill()
			<-d.exited
			d.exit = fmt.Errorf("it did not drain within %s", stopPatience)
		}
	}
	if d.exit != nil {
		return fmt.Errorf("stop fcd: %w\n%s", d.exit, d.tail())
	}
	return nil
}

// tail returns the end of what fcd has said.
func (d *daemon) tail() string {
	const most = 4 << 10
	b, err := os.ReadFile(d.log.Name())
	if err != nil {
		return ""
	}
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return "its last words:\n" + string(b)
}

// peakMemory returns the high-water mark of fcd's resident memory in bytes, 0
// where the system does not tell.
func (d *daemon) peakMemory() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
			n, err := strconv.ParseInt(string(kib), 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}

// cpu returns the processor time that fcd has used, 0 where the system does
// not tell.
func (d *daemon) cpu() time.Duration {
	t, err := cpuOf(d.cmd.Process.Pid)
	if err != nil {
		return 0
	}
	return t
}

// cpuOf returns the processor time that a process has used. Linux counts it in
// hundredths of a second (proc(5), USER_HZ); other systems do not tell.
func cpuOf(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read the processor time of a process: %w", err)
	}
	_, rest, _ := bytes.Cut(b, []byte(") ")) // the name may hold spaces
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the processor time of a process: %q", b)
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("read the processor time of a process: %w", err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

// profile writes a CPU profile of the next seconds to a file that
// `go tool pprof` reads. It asks the admin listener.
func (d *daemon) profile(ctx context.Context, length time.Duration, file string) error {
	url := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", d.AdminURL, int(length.Seconds()))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("profile fcd: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("profile fcd: GET %s: status %d", url, res.StatusCode)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("profile fcd: %w", err)
	}
	return os.WriteFile(file, b, 0o644)
}

// close ends fcd and leaves its directory.
func (d *daemon) close() error {
	err := d.end()
	if cerr := d.log.Close(); err == nil {
		err = cerr
	}
	return err
}
