//go:build !linux

package main

// monotonicMicros is systemd's, which is on Linux only.
func monotonicMicros() (int64, bool) { return 0, false }
