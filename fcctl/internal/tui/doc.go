// Package tui is the screen of fcctl: what the platform does now, what is
// stuck and why, and the keys that mend it.
//
// root.go is the frame around the pages: size, focus, the line for commands
// and filters, questions, and how the connection to the server is. page.go says
// what a page is; each page has a file of its own. grid.go is the table that
// most pages are, detail.go the text that one thing is. Nothing here speaks to
// the server on its own: pages return commands, which run beside the screen and
// come back as messages, so the screen never waits. live.go is how events and
// jobs come from the server's streams, a few times a second at most.
package tui
