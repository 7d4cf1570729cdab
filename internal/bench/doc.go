// Command bench measures FlowCatalyst from the outside: events go in through
// the public API, webhooks come out at a receiver, everything runs on this
// machine and every acknowledged event is on disk (fsync).
//
//	publishers (here) ──HTTP──▶ fcd dev (a process) ──HTTP──▶ receiver (a process)
//	clients    (here) ────────────────HTTP──────────────────▶ the same receiver
//
// The second line is the raw line: what this machine can do with nothing in
// between. It is drawn again right before each scenario, and a scenario's
// figure is read as its ratio to it, because a ratio means the same on a fast
// and on a slow machine. The receiver is this binary, started again with the
// argument "receiver"; it keeps the books (tally.go): which delivery arrived
// when, which twice, which out of order, which never.
//
// Each scenario has its own fcd on a fresh data directory, so that peak memory
// is its own, and begins with a short warm-up that is not counted. A scenario
// is over when every expected delivery has arrived and fcd has stopped cleanly:
// a duplicate on the way out is still a duplicate.
//
// Beside the scenarios, which publish and count, there are trials, which ask
// whether the delivery engine keeps a promise under a certain condition: a dead
// endpoint among many, a rate limit, failures in ordered groups, a replay, an
// outage (trial.go). In them the receiver fails on purpose (manners.go). They
// take minutes and run when they are named. One of them is about fcctl: it opens
// the screen in a pseudo terminal (terminal.go) and asks what that costs those
// who publish, and how soon it answers (screen.go).
//
// The exit status is 1 for any loss, any duplicate, a delivery that was not
// signed, or a delivery out of order in the ordered scenario; with -check also
// for a figure that misses its target.
package main
