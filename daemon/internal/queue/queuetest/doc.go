// Package queuetest holds the suite that every queue backend must pass, and
// Fake, a queue in memory that fails on purpose for the tests of other
// packages.
//
// A backend describes itself and calls Run:
//
//	queuetest.Run(t, queuetest.Backend{Open: open, Features: queue.Features{…}})
//
// Each case stands for a sentence in the comment of queue.Queue. Cases run side
// by side and each opens a queue of its own.
package queuetest
