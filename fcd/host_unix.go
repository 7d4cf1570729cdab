//go:build unix

package main

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// settle makes this process behave on its host.
func settle() {
	// What it writes, payloads included, is its user's alone.
	unix.Umask(0o077)
	// A limit on the size of files (LimitFSIZE of systemd) is a full disk, to
	// be answered and waited out, and no reason to crash.
	signal.Ignore(unix.SIGXFSZ)
}
