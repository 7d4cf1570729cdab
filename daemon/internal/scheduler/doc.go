// Package scheduler is the arrow from Job to Message: it hands jobs that are
// due to the queue, a ticket each.
//
// It thinks in lanes, one for each subscription (for tasks, one for each
// target). The store says which lanes changed and when the next job of a lane
// is due; the scheduler asks for an offer, publishes the tickets and only
// then marks the jobs QUEUED. A crash between the two repeats the message
// under the same id.
//
// The queue is kept shallow. At most a window of tickets is out for a lane,
// so that a dead one fills nobody's queue, and so that a ticket that
// stays away for long is known to be lost. A full window is filled again when
// a quarter of it is free: each job that ends wakes its lane.
//
// What must not go now (a paused subscription or connection, a suspended
// pool, a hold) is simply not handed out and waits in the store. Jobs of a
// subscription that is gone are cancelled, whoever deleted it, even if that
// process died right after.
package scheduler
