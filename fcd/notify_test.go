//go:build unix

package main

import (
	"net"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSystemdIsTold stands in for systemd: a datagram socket, by path and in
// the abstract namespace.
func TestSystemdIsTold(t *testing.T) {
	t.Parallel()
	sockets := map[string]string{"by path": filepath.Join(t.TempDir(), "s")}
	if runtime.GOOS == "linux" {
		sockets["abstract"] = "@fcd-test-" + filepath.Base(t.TempDir()) + strings.ReplaceAll(t.TempDir(), "/", "-")
	}
	for name, socket := range sockets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer systemd.Close()
			// next returns the next state other than the watchdog's.
			watchdog := 0
			next := func() string {
				t.Helper()
				b := make([]byte, 4096)
				for {
					if err := systemd.SetReadDeadline(time.Now().Add(patience)); err != nil {
						t.Fatal(err)
					}
					n, err := systemd.Read(b)
					if err != nil {
						t.Fatal(err)
					}
					if state := string(b[:n]); state != "WATCHDOG=1" {
						return state
					}
					watchdog++
				}
			}
			fcd, _ := running(t, "\nadmin { listen = \"127.0.0.1:0\" }\nservice \"stream\" {}\n",
				"NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=100000")
			if got := next(); !strings.HasPrefix(got, "READY=1\n") {
				t.Errorf("first: %q", got)
			}
			if err := fcd.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			want := regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[1-9]\d+$`)
			if runtime.GOOS != "linux" {
				want = regexp.MustCompile(`^RELOADING=1$`)
			}
			if got := next(); !want.MatchString(got) {
				t.Errorf("at SIGHUP: %q", got)
			}
			if got := next(); !strings.HasPrefix(got, "READY=1\n") {
				t.Errorf("after the reload: %q", got)
			}
			// The watchdog hears from a process that answers.
			b := make([]byte, 4096)
			for seen := 0; seen < 3; {
				if err := systemd.SetReadDeadline(time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
				n, err := systemd.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				if string(b[:n]) == "WATCHDOG=1" {
					seen++
				}
			}
			if err := fcd.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if got := next(); !strings.HasPrefix(got, "STOPPING=1\n") {
				t.Errorf("at SIGTERM: %q", got)
			}
			if code := fcd.wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestTheWatchdogOfAnotherProcessIsNotOurs(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "1000000")
	t.Setenv("WATCHDOG_PID", "1")
	if d := watchdogPeriod(); d != 0 {
		t.Errorf("the watchdog of process 1: %s", d)
	}
	t.Setenv("WATCHDOG_PID", "")
	if d := watchdogPeriod(); d != time.Second {
		t.Errorf("without a process: %s, want 1 s", d)
	}
}
