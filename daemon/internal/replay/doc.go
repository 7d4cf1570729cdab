// Package replay decides what a replay selects and where it goes. It writes
// nothing: package bulk makes the jobs, and a dry run counts what they would
// be, both by the same rules.
//
// A replay is a walk over positions. The events that it selects are those that
// fit, in the order in which they were accepted; where they go is decided when
// the walk comes to them, by the subscriptions as they are then.
package replay
