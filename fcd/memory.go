package main

import (
	"os"
	"runtime/debug"
)

// Memory, in one place. What a busy daemon keeps is small and bounded (caches,
// batches in flight), and what it makes is garbage at once, so the heap is
// mostly the collector's choice.
//
// gcPercent lets garbage grow to twice what is kept, so that a busy daemon
// collects half as often as by Go's own measure.
// softLimit is where the collector begins to work for its living: Go's part of
// the 200 MiB that a daemon should stay under, next to what SQLite takes for
// its pages. It is soft: work that needs more gets it, and the collector never
// takes more than half of the processor for it.
//
// GOGC and GOMEMLIMIT, where set, win.
const (
	gcPercent = 200
	softLimit = 116 << 20
)

func boundMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
}
