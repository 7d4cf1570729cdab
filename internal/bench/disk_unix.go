//go:build unix

package main

import "syscall"

// freeDisk is how many bytes there is room for, 0 where the system does not tell.
func freeDisk(dir string) int64 {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
