// Package platform holds the rules behind the API: who may see and change
// what, what a valid change is, and what is written down about it. It knows
// no HTTP.
//
// Resources change in one way, whatever their kind and whoever asks: take
// the world at version V, make a draft of the world as it should be, check
// the whole draft (fields, references, filters, codes, what is still in use),
// and write the difference if the version is still V. Somebody else's write
// in between costs a retry, never a lost update:
//
//	world at V ──▶ draft ──▶ check ──▶ store.Write(IfVersion V) ──▶ done
//	    ▲                                    │ ErrConflict
//	    └────────────────────────────────────┘
//
// A single create is a draft with one change and an apply is a draft with
// many, so both obey the same rules, and an apply is all or nothing because
// one Write is.
//
// Events and tasks do not pass through drafts: they are decoded, checked item
// by item and appended in one verb of the store per request. Events are read
// in one pass by a scanner that knows their names; what it does not know, all
// mistakes included, is left to encoding/json, and tests hold the two
// together.
package platform
