// Package apidoc makes the API's document whole and shows it to people.
//
// The table of routes gives the document its operations, parameters and
// schemas. Complete adds what holds for all of them: what the tags and the
// parameters mean, how to sign in, which errors come of what, and an example
// of each body, recorded from the API itself (examples.json). Page serves the
// document as a page that needs nothing from elsewhere. Compare tells what a
// change of the document breaks for its clients from what it adds.
package apidoc
