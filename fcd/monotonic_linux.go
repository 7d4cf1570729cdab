package main

import "golang.org/x/sys/unix"

// monotonicMicros is the time of CLOCK_MONOTONIC, which systemd compares with
// its own.
func monotonicMicros() (int64, bool) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0, false
	}
	return t.Nano() / 1000, true
}
