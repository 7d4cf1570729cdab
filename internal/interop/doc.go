// Package interop tries fcd with clients and providers that others wrote. It
// is a module of its own so that what they need does not become a dependency
// of the program; `make test` runs it all the same.
package interop
