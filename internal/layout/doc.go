// Package layout is the house plan of the repository as a test: which package
// may import which.
//
//	resource ← {client, config, plan, flow, match} ← {store, queue}
//	         ← {services, platform} ← api ← daemon ← fcd
//	{client, config, plan} ← fcctl
//
// The table in house.go names every place of the house and what it may import.
// A package without a place fails the test, so that a new one is put somewhere
// on purpose. Only code that ships is checked: a test may look anywhere the
// compiler lets it, since a suite, a fake or a whole daemon in a test is how
// promises are proven.
package layout
