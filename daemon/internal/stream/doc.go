// Package stream is the arrow from Event to Job: it reads events in position
// order, matches them to subscriptions and creates the jobs.
//
// A batch goes in this order: read events, then ask for the catalog, then
// match, then FanOut. Since the catalog is asked for after the events were
// read, every subscription whose write was answered before an event was
// accepted is among those that the event is matched with.
//
// FanOut compares and sets the place in the stream, so two streams on one
// store do not create a job twice: the slower one learns that it lost and
// reads on. An idle stream sleeps until the store tells of new events.
package stream
