//go:build unix

package courier

import "syscall"

// quiet says whether there is nothing to read from a socket: no byte, no end,
// no error. It takes nothing and does not wait.
func quiet(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
	return err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
}
