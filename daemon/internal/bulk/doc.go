// Package bulk carries out work over many rows: replays, the retry or discard of
// many dead letters, and expunges.
//
// Such a piece of work is a document (a flow.Replay, a flow.LetterTask, a
// flow.Expunge) and a
// row of progress. The service walks over what it selects in steps; each step
// is one commit of the store that moves the cursor and makes the jobs, or acts
// on the letters, of that stretch. So a crash at any moment repeats at most
// the reading of one step, several services on one store get in nobody's way,
// and the writer that live traffic shares is never held for long.
//
// A replay is made lazily. Only a few hundred of its jobs that could go are
// open at a time, so that a replay of ten million events costs no room ahead,
// stops soon when it is paused or cancelled, and goes as fast as its slowest
// healthy receiver. Jobs that can not go now (they wait for a retry, behind
// another of their order key, or for an endpoint that is held) do not count
// until there are very many of them: one dead receiver among ten must not stop
// the replay for the nine.
//
//	RUNNING ──▶ all selected, nothing open ──▶ COMPLETED
//	   │ ▲
//	   ▼ │ by a person, in package platform
//	 PAUSED          CANCELLED: the scheduler cancels what is open
package bulk
