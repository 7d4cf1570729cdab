// Package match decides which subscriptions an event goes to, and says why
// it does not go to the others. It is pure: no clock, no disk, no network.
//
// A subscription wants an event if, in this order,
//
//	client   it has no client, or the event's client is its own;
//	status   it is not ARCHIVED (PAUSED it matches, and its jobs wait);
//	pattern  one of its patterns covers the event's type: four segments,
//	         each the same word or "*";
//	filter   the filter beside that pattern, if there is one, is true.
//
// A Set is built once per change of the subscriptions and shared by every
// reader. It holds one tree of segments per client, so an event looks at no
// more than two trees and, in each, at no more than sixteen leaves, however
// many subscriptions there are.
//
// # Filters in CEL
//
// A filter is a CEL expression (https://cel.dev) of type bool over
//
//	type, source, subject, clientId, messageGroup   string
//	time                                            timestamp
//	data                                            the event's JSON
//	context                                         map of context data
//
// It is compiled and type-checked when it is saved. Numbers in data are
// doubles, as everywhere in JSON; comparing them with 100 and with 100.0
// gives the same. data is decoded only if a filter asks for it, and once per
// event. Each evaluation has a budget (CostLimit); a filter that exceeds it,
// or fails otherwise (a field that is not there), does not match, is counted,
// and shows its error in Explain. has(data.total) asks whether a field is
// there.
//
// # Filters in JSON
//
// Existing clients send {"path": "$.total", "operator": "GREATER_THAN",
// "value": 100}, or an array of these, all of which must hold. See Operators
// for the operators. A path is a subset of JSONPath (RFC 9535): "$", names
// (".total", "['total']"), indexes ("[0]", "[-1]" from the end) and
// wildcards ("[*]", ".*"); "$" may be left out. It begins in the event's
// data. Where the data has no field of the first name, "$.data", "$.type",
// "$.source", "$.subject", "$.time", "$.clientId", "$.messageGroup" and
// "$.context" are those of the event. With a wildcard a condition holds if
// it holds for any of the values.
package match
