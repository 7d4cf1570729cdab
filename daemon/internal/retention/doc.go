// Package retention removes what is old: payloads, events, jobs, attempts and
// audit entries, each after an age that may differ by client, and short-lived
// records (sessions, codes) after their end.
//
//	every few minutes, for each kind and each of its ages:
//	    Purge, wait twice as long as that took, Purge, …  up to the age
//
// A step looks at a hundred rows, and at fifty where that takes longer than 10 ms,
// so that whoever publishes waits for no more than that, and the waits leave two
// thirds of the writer to others. What must
// stay because somebody still needs it is looked at again with each round, from
// the first of it on, and a person is told once it is much older than its age.
package retention
