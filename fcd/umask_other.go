//go:build !unix

package main

// private: files of a user are that user's by default here.
func private() {}
