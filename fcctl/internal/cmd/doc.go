// Package cmd holds fcctl's commands, one per file. Each asks the server
// through package client and hands the answer to package view.
//
// Data goes to stdout, talk to stderr. The exit codes are in errors.go, the
// search for a server and a token in target.go, and args.go lets flags stand
// where people type them.
package cmd
