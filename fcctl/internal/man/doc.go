// Package man writes fcctl's manual pages, one for each command, from the same
// help that --help shows. They are in the macros of man(7), which every reader
// of manual pages knows.
package man
