// Command demo shows what FlowCatalyst does, in a few seconds and for real:
// `make demo` runs it.
//
//	fcd dev ──▶ apply the quickstart ──▶ publish its events ──▶ signed webhooks
//	                                                                 │
//	     everything stopped, exit 0 ◀── all came, in order ◀── receiver here
//
// It starts the built ./bin/fcd on a fresh data directory and free ports, uses
// the built ./bin/fcctl as a person would, and receives the deliveries itself
// through client/webhook. One receiver call fails twice on purpose. It exits 0
// only if every expected delivery came, none else did, and each message group
// stayed in order.
package main
