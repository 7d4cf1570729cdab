// Package eventfile reads events as people keep them in files: one event, a
// list of events, or one event after another (JSON lines). It knows on which
// line each begins, because whoever made the file has to find the bad one.
package eventfile
