// Package fill makes a store old: it puts many events with their jobs, attempts,
// sums by the hour and audit entries into an SQLite store that fcd has made, as if
// they had been published and delivered over the last weeks. That takes minutes
// where publishing them would take hours, since it writes rows and no commits.
//
//	fcd makes the file and what is declared, and stops
//	  └▶ Fill: indexes away, rows in, indexes back
//	       └▶ fcd runs on it again, and is measured
//
// It knows the tables of the store by their names and columns. What it writes is
// held against the store by opening it with fcd in a test of the bench.
package fill
