// Package schema checks the data of events against JSON Schemas (draft
// 2020-12).
//
// A [Schema] is compiled once and may be used by many goroutines. What a
// schema can cost is bounded, because whoever may declare event types can
// write one that asks for years of work: documents are bounded in size and
// depth, nothing is ever fetched, regular expressions are RE2's, and each
// check may visit so many subschemas and no more.
//
// A finding points into the data (RFC 6901) and says what should be there. It
// never says what is: data belongs in no error and no log.
package schema
