// Package sqlite is the embedded queue: one file, one process, no server.
//
// One goroutine, the writer, owns the only connection and the file's exclusive
// lock. Callers put their verbs into a list; the writer takes all that have
// gathered, runs them in one transaction, and answers them together. The more
// callers there are, the cheaper each of them becomes.
//
//	Publish ─┐                        ┌─▶ message (rows, by seq)
//	Ack ─────┼─▶ writer, one commit ──┤
//	DeadLetter┘        │              └─▶ dead_letter
//	                   ▼
//	         fresh, bounded in bytes ──▶ Receive ──▶ leases, in memory
//	                   ▲
//	                   └── fill: rows that did not fit, or came back
//
// Receive does not touch the file as long as receivers keep up: what was
// committed is handed on from memory. Messages that did not fit, and those that
// came back from a lease, are read by the writer when they are wanted.
//
// Leases and delays live in memory alone. A restart returns every message that
// was not acked, which is what the lock on the file makes safe.
//
// The file is in WAL mode with synchronous=NORMAL: a killed process loses
// nothing, a power cut may lose the newest messages, and the store notices by
// comparing its queued jobs with IDs. The writer checkpoints between commits,
// never inside one, and gives free pages back when it is idle.
package sqlite
