// Package complete says what may stand next on fcctl's command line.
//
// The shells' own scripts (scripts.go) ask for it each time somebody presses
// TAB. Commands, flags and the values that a flag's help lists come from the
// tree of commands; the names of what is on the server or in a manifest come
// from Live.
package complete
