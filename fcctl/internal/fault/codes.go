package fault

import (
	"fmt"
	"os"
	"syscall"
)

// The exit codes.
const (
	OK       = 0
	Failed   = 1
	Changes  = 2 // plan -detailed-exitcode: the plan has changes
	Refused  = 3 // not authenticated or not allowed
	NotFound = 4
	Conflict = 5 // a conflict or a stale plan
	Partly   = 6 // some of several failed
	Misused  = 64

	Interrupted = 130 // 128 and the number of SIGINT, as shells have it
	pipe        = 141 // as a shell sees an end by SIGPIPE
	terminated  = 143
)

// Meaning is what an exit code says.
type Meaning struct {
	Code  int    `json:"code"`
	Means string `json:"means"`
}

// Meanings are all of them, for help, manual and documentation.
var Meanings = []Meaning{
	{OK, "done"},
	{Failed, "an error, or not approved"},
	{Changes, "`plan -detailed-exitcode`, and `diff`: there are changes"},
	{Refused, "not logged in, or not allowed"},
	{NotFound, "there is no such thing"},
	{Conflict, "a conflict, or a stale plan"},
	{Partly, "some of several failed"},
	{Misused, "a wrong command line; the message says what to type"},
	{Interrupted, "interrupted (SIGINT) before its end; what only watches ends with 0"},
	{pipe, "whoever read the output has ended (SIGPIPE), such as `| head`; nothing is said"},
	{terminated, "told to end (SIGTERM), as 130"},
}

// Signal is the signal that has ended a command.
type Signal struct{ os.Signal }

// Error implements error.
func (s Signal) Error() string { return fmt.Sprintf("ended by %s", s.Signal) }

// Code is the exit code of a command that a signal ended.
func (s Signal) Code() int {
	if s.Signal == syscall.SIGTERM {
		return terminated
	}
	return Interrupted
}
