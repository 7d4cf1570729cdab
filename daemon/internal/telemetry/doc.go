// Package telemetry is what a process says about itself: its log, its
// metrics' registry and its health.
//
// Health is a list of components, each with a check, and a phase:
//
//	starting ──▶ running ──▶ draining
//
// A process is live as long as it answers at all. It is ready while it runs
// and every component that it needs is well: a store or broker that is away
// makes it unready, and comes back by itself.
package telemetry
