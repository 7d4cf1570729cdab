// Package scheduler is the arrow from Job to Message: it hands jobs that are
// due to the queue, a ticket each.
//
// It thinks in lanes, one for each subscription (for tasks, one for each
// target; for a replay, one for each subscription it goes to). The store says
// which lanes changed and when the next job of a lane is due; the scheduler
// asks for an offer, publishes the tickets and only then marks the jobs QUEUED.
// A crash between the two repeats the message under the same id.
//
// Lanes meet at endpoints. The queue is kept shallow: at most a window of
// tickets is out for an endpoint, so that a dead one fills nobody's queue, and
// so that a ticket that stays away for long is known to be lost.
//
//	lane ──┐            ┌─ hold: not before, and how many
//	lane ──┼─▶ endpoint ┤
//	lane ──┘            └─ window: how many at once
//
// The ledger keeps how many tickets are out, and which lanes of an endpoint
// want more than they got. Each job that ends wakes its lane, and that has the
// endpoint looked at; when a quarter of its window is free it is filled again,
// and who has least gets first. So a lane with a huge backlog delays its
// neighbours by a window at most, and no round looks at all lanes.
//
// Replays go beneath: after all live lanes, in a quarter of the window, at
// their own rate.
//
// What must not go now (a paused subscription, connection or replay, a
// suspended pool, a held endpoint) is simply not handed out and waits in the
// store. Jobs of a subscription that is gone, or of a replay that was cancelled,
// are cancelled, whoever did it, even if that process died right after.
package scheduler
