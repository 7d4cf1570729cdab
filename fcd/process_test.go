//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestDevIsReadyAndDrains(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fcd := startDev(t, dir, "")
	if code := status(t, fcd.AdminURL+"/q/ready"); code != http.StatusOK {
		t.Errorf("ready: %d", code)
	}
	if fcd.Email == "" || fcd.Password == "" || fcd.AccessToken == "" {
		t.Error("the credentials are not whole")
	}
	private := []string{filepath.Join(dir, "data", credentialsFile), filepath.Join(dir, "state", "flowcatalyst", "dev.json")}
	fcd.until("both files are written", func() bool { _, err := os.Stat(private[1]); return err == nil })
	for _, f := range private {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", f, info.Mode().Perm())
		}
	}
	fcd.until("it says what to type next", func() bool { return strings.Contains(fcd.output(), "fcctl get subscriptions") })
	if strings.Contains(fcd.output(), fcd.Password) || strings.Contains(fcd.output(), fcd.AccessToken) {
		t.Error("a secret is in its output")
	}

	health := func() int {
		err := exec.Command("fcd", "healthcheck", "--url", fcd.AdminURL).Run()
		if err == nil {
			return 0
		}
		return 1
	}
	if code := health(); code != 0 {
		t.Errorf("healthcheck of a ready daemon: %d", code)
	}
	if code := fcd.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM\n%s", code, fcd.output())
	}
	if code := health(); code != 1 {
		t.Errorf("healthcheck of a daemon that is gone: %d", code)
	}
	for _, f := range private {
		if _, err := os.Stat(f); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", f, err)
		}
	}
}

func TestASignalInterruptsAStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fcd := spawn(t, dir, "dev", "--data-dir", "data", "--listen", "127.0.0.1:0", "--router-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	// This is said while the store is open and the API is not.
	fcd.until("the start is under way", func() bool { return strings.Contains(fcd.output(), "made the key") })
	if code := fcd.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d\n%s", code, fcd.output())
	}
	if _, err := os.Stat(filepath.Join(dir, "data", credentialsFile)); !os.IsNotExist(err) {
		t.Errorf("credentials of a process that is gone: %v", err)
	}
}

func TestASecondDevIsRefusedByItsOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startDev(t, dir, "")
	second := exec.Command("fcd", "dev", "--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--router-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	second.Env = environment(dir)
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "process "+strconv.Itoa(first.cmd.Process.Pid)) {
		t.Errorf("the second: %v\n%s", err, out)
	}
	if code := status(t, first.AdminURL+"/q/ready"); code != http.StatusOK {
		t.Errorf("the first after that: %d", code)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", credentialsFile)); err != nil {
		t.Errorf("the first one's credentials: %v", err)
	}
}

func TestASecondDevLeavesTheContextToTheFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startDev(t, dir, "")
	context := filepath.Join(dir, "state", "flowcatalyst", "dev.json")
	named := func(url string) bool {
		b, err := os.ReadFile(context)
		return err == nil && strings.Contains(string(b), url)
	}
	first.until("fcctl finds it", func() bool { return named(first.URL) })
	another := func() *instance {
		i := spawnWith(t, t.TempDir(), []string{"XDG_STATE_HOME=" + filepath.Join(dir, "state")},
			"dev", "--listen", "127.0.0.1:0", "--router-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
		i.until("it is ready", func() bool { return strings.Contains(i.output(), "is ready") })
		return i
	}
	second := another()
	if out := second.output(); !strings.Contains(out, "Another fcd dev answers at "+first.URL) || !strings.Contains(out, "export FCCTL_URL=") {
		t.Errorf("the second says:\n%s", out)
	}
	if !named(first.URL) {
		t.Error("fcctl does not find the first any more")
	}
	second.end(syscall.SIGTERM)
	if !named(first.URL) {
		t.Error("the second took the context along")
	}
	_ = first.cmd.Process.Kill() // what it leaves is nobody's
	<-first.exited
	third := another()
	if strings.Contains(third.output(), "Another fcd dev") || named(first.URL) {
		t.Errorf("after a kill the next says:\n%s", third.output())
	}
}

func TestATakenPortIsToldWithWhatToType(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	fcd := exec.Command("fcd", "dev", "--data-dir", dir, "--listen", taken.Addr().String(), "--router-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	fcd.Env = environment(dir)
	out, err := fcd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Try: fcd dev --listen 127.0.0.1:0") {
		t.Errorf("%v\n%s", err, out)
	}
}

// running is `fcd run` on a configuration.
func running(t *testing.T, hcl string, env ...string) (i *instance, rewrite func(hcl string)) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "fcd.hcl")
	rewrite = func(hcl string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(fmt.Sprintf("data_dir = %q\n", filepath.Join(dir, "data"))+hcl), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(hcl)
	i = spawnWith(t, dir, env, "run", "-c", file)
	i.until("ready", func() bool { return i.logged("ready") })
	return i, rewrite
}

// logged looks for a message in the JSON log.
func (i *instance) logged(message string, parts ...string) bool {
	b, err := os.ReadFile(i.log)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		var l struct{ Msg string }
		if json.Unmarshal(line, &l) != nil || l.Msg != message {
			continue
		}
		all := true
		for _, p := range parts {
			all = all && bytes.Contains(line, []byte(p))
		}
		if all {
			return true
		}
	}
	return false
}

// listener is the address that the log gives for a listener.
func (i *instance) listener(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(i.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var l map[string]any
		if json.Unmarshal(line, &l) == nil && l["msg"] == "ready" {
			addr, _ := l[name].(string)
			return addr
		}
	}
	t.Fatalf("no address of %s in the log\n%s", name, b)
	return ""
}

func TestHangupReloads(t *testing.T) {
	t.Parallel()
	const services = "\nadmin { listen = \"127.0.0.1:0\" }\nservice \"stream\" {}\n"
	fcd, rewrite := running(t, services)
	hup := func() {
		t.Helper()
		if err := fcd.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(services + `log { level = "debug" }`)
	hup()
	fcd.until("the change is logged", func() bool { return fcd.logged("reloaded", "log.level", "debug") })
	rewrite("this is no configuration")
	hup()
	fcd.until("the bad file is refused", func() bool { return fcd.logged("the configuration is not taken up") })
	rewrite(services + `log { level = "debug" }`)
	hup()
	fcd.until("nothing changed", func() bool { return fcd.logged("reloaded; nothing changed") })
	if code := fcd.end(os.Interrupt); code != 0 {
		t.Errorf("exit code %d\n%s", code, fcd.output())
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	fcd, _ := running(t, "\nadmin { listen = \"127.0.0.1:0\" }\nservice \"platform\" { listen = \"127.0.0.1:0\" }\n")
	// A request without an end keeps the drain waiting.
	addr := fcd.listener(t, "platform")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "POST /auth/login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n", addr); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len("HTTP/1.1 100 Continue"))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 100 Continue" {
		t.Fatalf("the request is not under way: %q %v", answer, err)
	}
	if err := fcd.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	fcd.until("draining", func() bool { return fcd.logged("draining") })
	began := time.Now()
	if code := fcd.end(os.Interrupt); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
