// Package adapter routes requests to huma operations and plain handlers, on
// julienschmidt/httprouter.
//
// httprouter cannot hold a literal and a parameter side by side for one method
// (/events/raw and /events/{id}), and the API has many such pairs. So the
// adapter gathers all routes first, and where they collide it gives httprouter
// one parameter for the whole segment. Behind it the colliding routes wait in
// a leaf, which tells them apart by the values that the parameter took:
//
//	registered              httprouter      leaf
//	/events/raw             /events/:0      "raw"  -> /events/raw
//	/events/{id}                            any    -> /events/{id}
//	/events/raw/stats       /events/:0/:1   "raw" "stats"  -> /events/raw/stats
//	/events/{id}/{part}                     any    any     -> /events/{id}/{part}
//
// The rule is the same at any depth: of the routes that match, the one with a
// literal where the others have a parameter wins, from left to right. A
// literal that leads nowhere gives way to a parameter that does.
//
// Paths are matched as they were sent, percent-encoded, so that an encoded
// slash stays within its segment; values arrive decoded. A parameter is never
// empty. There are no redirects: a path that is not a route, trailing slash
// included, is 404, and 405 with Allow if another method has it. HEAD goes to
// GET where it has no route of its own.
//
// The OpenAPI document knows nothing of this: it has the paths as registered.
package adapter
