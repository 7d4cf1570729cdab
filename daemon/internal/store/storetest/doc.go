// Package storetest is the suite that every store backend must pass. Each
// case is a sentence of the contract in package store; a backend calls Run
// from a test and is done when it is green.
//
// Every case opens its own store and runs beside the others. Time is a value
// that the case moves by hand. A case that fails prints the history of the
// verbs it called, with short names for jobs (j1, j2, …) in the order in
// which they were made.
//
// Besides the single sentences there is a machine: random verbs, random
// crashes in between, and after each step a comparison of everything that
// the store says with a simple model in memory. Rapid shrinks what it finds;
// -rapid.checks and -rapid.steps make it longer.
package storetest
