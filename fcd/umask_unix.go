//go:build unix

package main

import "golang.org/x/sys/unix"

// private keeps what this process writes, payloads included, from everybody
// but its user.
func private() { unix.Umask(0o077) }
