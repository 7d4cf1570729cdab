// Package sample makes an example that a JSON Schema (draft 2020-12) accepts.
//
// It is pure: the same schema and seed give the same example. Objects get all
// properties that the schema names, lists at least one item. What it makes is
// held against the schema; where it knows no way to satisfy a keyword it says
// which, and shows what it has.
package sample
