// Package wire is how fcctl's requests travel: whom they trust, how long they
// may take, through which proxy they go, and, when somebody wants to see them,
// what they say without their secrets.
package wire
