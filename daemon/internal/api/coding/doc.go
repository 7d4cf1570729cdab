// Package coding compresses answers and expands requests: gzip (RFC 1952) and
// zstd (RFC 8878), negotiated as RFC 9110 section 12.5.3 says.
//
// An answer to a GET is compressed if its client asks for it and compressing is worth
// it and harmless: it is text, has at least MinSize bytes, has no strong ETag
// (that is of these very bytes, and clients send it back in If-Match), and is
// not marked no-store (those carry secrets, whose length compression would
// give away). Streams of events stay as they are.
//
// A request is expanded while it is read, by a decoder that holds a bounded
// window. How much it may expand to is for the reader to bound.
package coding
