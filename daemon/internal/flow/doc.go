// Package flow holds what moves through FlowCatalyst and the rules by which
// it changes: Event, Job, Attempt, their ids, and the job's state machine.
// It is pure: no clock, no disk, no network. Time is always an argument.
//
//	          MarkQueued            Start
//	PENDING ─────────────▶ QUEUED ─────────▶ PROCESSING ──▶ COMPLETED
//	 ▲  ▲ └───────────────────────────Start───▶  │ │ │ └──▶ FAILED
//	 │  └── stale, Park ─────┘                   │ │ └────▶ EXPIRED
//	 └───────────── retry, ack:false, 429, lost ─┘ └──────▶ CANCELLED
//
// A job carries two counters that must not be confused. Ticket counts
// hand-overs to the queue: every hand-over has a number of its own, so a
// message that comes late is known to be stale. Attempts counts exchanges
// with the receiver and names their rows. Spent is the part of the attempts
// that uses up the retry policy.
package flow
