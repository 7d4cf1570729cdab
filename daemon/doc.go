// Package daemon is the process as a value: New wires, Start serves, Run
// serves until its context ends, Stop drains. There are no globals, so two
// daemons can live in one test.
//
// Whoever opens, closes: each step of Start registers its undo under a name,
// and Stop runs them last first:
//
//	open    addresses ▸ store ▸ secrets ▸ queue ▸ router ▸ scheduler ▸ stream ▸ bulk ▸ API
//	drain   not ready ▸ API ▸ bulk ▸ stream ▸ scheduler ▸ router ▸ queue ▸ store ▸ health
//
// So nothing new comes in while what is in flight ends, and the store is there
// until the last outcome is written.
//
// # What ends the process
//
// Services wait for a store or broker that is away for as long as it takes;
// readiness is false meanwhile, and nobody has to restart anything. A service
// that returns before it was asked to has met what waiting can not mend, so
// the daemon stops and Run returns the reason: everything is made to be killed
// at any moment, and a supervisor's fresh start is the honest repair.
//
// # One process owns the data
//
// The SQLite store is owned by one process: opening it takes a lock, and a
// second daemon on the same data is refused before it serves anything.
//
// # Adding a backend
//
// build.go alone knows every backend: add a case to openStore or openQueue,
// and take the block off the list of what this build has not (package config).
package daemon
