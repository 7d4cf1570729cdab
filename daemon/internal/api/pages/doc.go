// Package pages are the few HTML pages that the daemon serves itself: for who
// signs in, sets a password or founds the installation, and has no program for
// it.
//
// All share one layout. A page loads nothing: the style is
// within, there is no script, and the headers that [Render] sets forbid every
// other thing to be loaded, framed or sent elsewhere. So they work offline,
// behind any proxy, and with a text of a stranger's in them.
//
// Most pages are a [Form]. One that needs markup of its own is a file in this
// directory that defines "content", rendered under its name without ".html";
// its data embeds [Page].
package pages
