// Package plan compares what a manifest declares with what is there, and says
// what has to happen. It is pure: it reads nothing, asks nobody, and two equal
// questions get equal answers.
//
//	declared ─┐
//	          ├─ Make ──▶ Plan ──▶ a view, a file, an apply
//	live ─────┘
//
// There is no state file. What is there says by itself who owns it
// (managedBy), so the three cases of every resource are:
//
//	declared, not there          create
//	declared and there           nothing or update, if the manifest owns it
//	                             (replace, if that was asked for); otherwise
//	                             a conflict, unless the declaration adopts it
//	there, owned, not declared   delete; a conflict if it is protected
//
// What another manifest or nobody owns and the manifest does not declare is
// never looked at: deletes reach only what the manifest owns, and only for
// the client that the manifest names.
//
// # What counts as a difference
//
// Both sides are brought into one form first: defaults filled in, references
// as codes, secrets as fingerprints, lists that have a key compared by it. So
// an attribute that a person would call the same is not a change.
//
// Status is special. Somebody who pauses a subscription at night does not
// want the next apply to resume it: unless the manifest states a status, a
// paused one stays as it is, with a note. An archived one is brought back,
// since declaring it says that it should be there.
//
// # Drift
//
// The server remembers the revision that the owner wrote last. If the live
// revision is another one, somebody else changed the resource in between; an
// update of it is marked as drift and names what will be undone.
package plan
