// Package cmd is the tree of fcctl's commands. They live by area in the
// packages beneath, one per file; each asks the server through package client
// and hands the answer to package view. What they share is in package app, the
// exit codes in package fault, and the choice of a server in package session.
package cmd
