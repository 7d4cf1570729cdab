// Package resource holds the nouns that an operator declares: event types,
// dispatch pools, connections and subscriptions, one per file, and the Kinds
// table that API, store, plan, apply and command line iterate over.
//
// The package imports only the standard library. The same struct travels
// over HTTP as JSON, is built from HCL and is compared by plan, so the three
// can not drift apart. Adding a noun is one file and one row in Kinds.
package resource
