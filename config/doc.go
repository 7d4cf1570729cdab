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
// # Manifests
//
// LoadManifest reads resources as code into the nouns of package resource.
// Names get their meaning in stages: variables, locals, then how many
// resources there are (for_each) and their codes, then everything else, which
// alone may refer to resources.
//
//   - A block's label is its name in references and, unless the attribute
//     code says otherwise, the resource's code. With for_each the code is
//     "label-key" unless code says otherwise, and a reference needs the key:
//     connection.hooks["eu"].
//   - for_each takes a map or a list of strings; each.key and each.value
//     stand for the element, which are the same in a list.
//   - adopt = true lets the manifest take over what exists, protected = true
//     resists deletion; both go on any resource.
//   - connection and pool take a reference, or the code of something that
//     another manifest owns, as text.
//   - event_types is a list of patterns or of { type, filter }; filter goes
//     for the patterns that have none of their own.
//   - Functions: env, file, secret, and those of cty's standard library that
//     people know from elsewhere (jsonencode, format, join, merge, …).
//
// Fields that carry an hcl tag on the noun are read through it; the others
// are mapped in manifest_kinds.go. Every field remembers its range, so that
// Manifest.Where and Manifest.Diagnostic put a finding of the server under
// the line that caused it.
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
// To add an attribute to the daemon: ask for it in daemon_read.go or daemon_services.go,
// and add a file to testdata/daemon for the mistake people will make with it
// (go test -update writes the golden file; read it before you commit).
package config
