// Package rolling counts what became of exchanges and how long they took, over
// the last 5 and 30 minutes and since the start, with memory that does not grow
// with what is counted.
//
//	Observe ──▶ total ──────────────── since the start
//	        ├─▶ ten spans of 30 s ──── the last 5 minutes
//	        └─▶ ten spans of 3 min ─── the last 30 minutes
//
// A span is a handful of counters and a histogram whose buckets grow with what
// they hold, four to each doubling: a percentile is right within a tenth, be it
// a millisecond or a minute. Spans are made when they are first needed and used
// again and again, so that an endpoint with little traffic costs little and one
// with much costs nothing more.
package rolling
