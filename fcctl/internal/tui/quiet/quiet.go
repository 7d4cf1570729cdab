// Package quiet keeps package bubbletea from asking the terminal for its
// background when a program starts: every command of fcctl would ask, and wait
// for five seconds where the terminal does not answer.
//
// bubbletea asks in an init function, which termenv refuses for a terminal
// that is dumb. Packages are initialised in the order of their import paths as
// soon as what they import is ("Program initialization" in the Go
// specification). This one imports os alone and sorts before termenv, so that it
// comes before bubbletea, and package tui, which imports both, after it.
package quiet

import "os"

var term, there = os.LookupEnv("TERM")

func init() {
	if there {
		_ = os.Setenv("TERM", "dumb")
	}
}

// End lets everybody know the terminal again.
func End() {
	if there {
		_ = os.Setenv("TERM", term)
	}
}
