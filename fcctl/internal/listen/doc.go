// Package listen brings events to a developer's machine: it follows them from a
// place on, hands each to a local URL as a delivery would be, and goes on when
// the connection is lost, in order and without losing or repeating one.
//
// Nothing of it is on the server. The place where it stands is in memory, or in
// a file under a name, so that a later run goes on there.
package listen
