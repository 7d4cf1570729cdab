// Package sqlite is the embedded queue: one file, one process, no server.
//
// One goroutine, the writer, owns the only connection and the file's exclusive
// lock. Callers put their verbs into a list; the writer takes all that have
// gathered, runs them in one transaction, and answers them together. The more
// callers there are, the cheaper each of them becomes.
//
//	Publish ─┐ (foreign)              ┌─▶ message (rows, by seq)
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
// Most messages are tickets, and most tickets live for milliseconds. With
// Options.Linger they cost the file nothing: Publish puts them into fresh
// without asking the writer, Ack takes them out of memory again, and only those
// that are still there after Linger are written, many in one transaction.
//
//	                 ┌── Ack ──▶ gone, and the file never knew
//	Publish ──▶ lingers, waiting or leased
//	 (tickets)       └── Linger, DeadLetter or Close ──▶ message
//
// What a crash takes away:
//
//	                            kill -9      power cut
//	foreign message published   nothing      the newest, see below
//	ticket published            up to Linger up to Linger, and the newest
//	message acked               stays gone   may come back
//
// A lost ticket is no lost job, because the store makes the QUEUED jobs of its
// file PENDING when it is opened; they go with new tickets. While the process
// lives it forgets nothing that Publish took. On a full disk tickets go on
// flowing through memory. Those that cannot be written stay there, up to
// Options.MemoryBytes; then Publish goes through the writer and says what is
// wrong, until acks make room or the disk does.
//
// A batch with a foreign message, and one that finds no room in memory, is
// committed before Publish returns. Rows that found no room are noted as spans
// of seqs, and while there is such a span no ticket lingers: it would overtake
// them.
//
// Leases and delays live in memory alone. A restart returns every message that
// was not acked, which is what the lock on the file makes safe.
//
// The file is in WAL mode with synchronous=NORMAL: a killed process loses
// nothing, a power cut may lose the newest messages, and the store notices by
// comparing its queued jobs with IDs. The writer checkpoints between commits,
// never inside one, and gives free pages back when it is idle.
package sqlite
