// Package config turns HCL into typed values and diagnostics. It opens no
// connection and imports no backend: what it returns says what somebody
// wants, and whether this build can do it is for others to find out.
//
// # The daemon's configuration
//
// LoadDaemon reads the file (or directory) of fcd run, DevDaemon makes the
// configuration of fcd dev. Every effective value is also kept as a Setting
// with its origin, which is what Print and Diff work from. Blocks whose
// backend is not in this build are valid; Unavailable lists them.
//
// # How reading works
//
//	files ── parse ──▶ one body ── section.read(name, kind, default) ──▶ values
//	                                   │                     │
//	                                   ▼                     ▼
//	                              diagnostics             settings
//
// A section is a block being read. Code asks it for attributes and blocks by
// name and gets typed values; each question teaches the section a name, and
// close reports everything in the file that nobody asked for, with the
// nearest name. So the grammar is written once, as the code that uses it, and
// a new attribute is one line. A kind is a type of attribute: how to read it
// and how to write it back. Reading never stops at the first mistake.
//
// # Diagnostics
//
// A Diagnostic carries its place, the source around it and what to try; it
// renders for people and marshals for machines. Neither form repeats a
// secret: values from secret() are marked and the marks follow them through
// templates, and literal passwords in quoted source lines are starred out.
//
// To add an attribute: ask for it in daemon_read.go or daemon_services.go,
// and add a file to testdata/daemon for the mistake people will make with it
// (go test -update writes the golden file; read it before you commit).
package config
