package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// notifier tells systemd how this process is, by the protocol of sd_notify(3):
// lines of KEY=VALUE as one datagram. Without a NOTIFY_SOCKET it is nil, and
// all its methods do nothing.
type notifier struct {
	conn     *net.UnixConn
	watchdog time.Duration // how often systemd wants to hear from us; 0: never
	log      *slog.Logger
}

// openNotifier connects to the socket of the environment. A name that begins
// with "@" is in Linux's abstract namespace, which package net knows.
func openNotifier(log *slog.Logger) (*notifier, error) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil, nil
	}
	if name[0] != '/' && name[0] != '@' {
		return nil, fmt.Errorf("NOTIFY_SOCKET is %q, which is no unix socket", name)
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("connect to NOTIFY_SOCKET: %w", err)
	}
	return &notifier{conn: conn, watchdog: watchdogPeriod(), log: log}, nil
}

// watchdogPeriod is WATCHDOG_USEC, if it is meant for this process.
func watchdogPeriod() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 {
		return 0
	}
	return time.Duration(usec) * time.Microsecond
}

func (n *notifier) send(state string) {
	if n == nil {
		return
	}
	if _, err := n.conn.Write([]byte(state)); err != nil {
		n.log.Warn("systemd was not told", "state", state, "error", err)
	}
}

func (n *notifier) ready()    { n.send("READY=1\nSTATUS=ready") }
func (n *notifier) stopping() { n.send("STOPPING=1\nSTATUS=draining") }

// reloading must carry the time, so that systemd can tell the READY that ends
// this reload from an earlier one.
func (n *notifier) reloading() {
	state := "RELOADING=1"
	if usec, ok := monotonicMicros(); ok {
		state += fmt.Sprintf("\nMONOTONIC_USEC=%d", usec)
	}
	n.send(state)
}

// watch tells the watchdog twice per period that the process is alive, as long
// as live says so. A process that hangs is thus killed and started again.
func (n *notifier) watch(ctx context.Context, live func(context.Context) error) {
	if n == nil || n.watchdog == 0 {
		return
	}
	tick := time.NewTicker(n.watchdog / 2)
	defer tick.Stop()
	for {
		asked, cancel := context.WithTimeout(ctx, n.watchdog/2)
		err := live(asked)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			n.log.Error("the process does not answer itself, so the watchdog is not told", "error", err)
		default:
			n.send("WATCHDOG=1")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (n *notifier) close() {
	if n != nil {
		_ = n.conn.Close() // nothing is buffered in a datagram socket
	}
}
