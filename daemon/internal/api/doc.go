// Package api is the HTTP face of the platform: routes, what they need, how
// requests become calls and errors become problems. The rules are
// platform's.
//
// routes.go has the one table of all routes. A row names its permission, or
// says that it is public; the guard stands before every row, and a test walks
// the table. Rows come in two sorts:
//
//   - most go through huma, which reads parameters and documents both ways;
//   - the publishing routes are plain handlers: they read the body by hand,
//     write the answer by hand, and huma only documents them.
//
// The rows of monitoring have a second door, the router's own listener, which
// may ask for no tokens (NewRouterDoor). What they show is gathered by package
// monitor.
//
// Every error leaves as application/problem+json (RFC 9457) with a stable
// type and code and the request's id, and no error repeats a rejected value.
package api
