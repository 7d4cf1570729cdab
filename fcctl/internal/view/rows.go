package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Column is a column of a table of JSON objects: its head and the member that
// it shows.
type Column struct{ Head, Member string }

// Rows is a table of JSON objects.
func Rows(rows []json.RawMessage, columns []Column, ink Ink) (string, error) {
	t := table{}
	for _, c := range columns {
		t.head = append(t.head, c.Head)
	}
	for _, raw := range rows {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			return "", fmt.Errorf("show a row: %w", err)
		}
		cells := make([]cell, len(columns))
		for i, c := range columns {
			cells[i] = plain(word(object[c.Member]))
			if c.Head == "STATUS" {
				cells[i].ink = ink.status
			}
		}
		t.row(cells...)
	}
	return t.String(ink), nil
}

// word is a JSON value as a cell shows it.
func word(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if at, err := time.Parse(time.RFC3339, s); err == nil {
			return clock(at)
		}
		return Short(s, 60)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		words := make([]string, len(list))
		for i, v := range list {
			words[i] = word(v)
		}
		return Short(strings.Join(words, ", "), 60)
	}
	var b bool
	if json.Unmarshal(raw, &b) == nil {
		return yes(b)
	}
	if string(raw) == "null" {
		return ""
	}
	return Short(string(raw), 60)
}

// Object is everything in a JSON object, a line each.
func Object(raw json.RawMessage, ink Ink) (string, error) {
	f, err := factsOf(raw)
	if err != nil {
		return "", fmt.Errorf("show the answer: %w", err)
	}
	return f.String(ink), nil
}

// factsOf are the members of a JSON object in its order.
func factsOf(raw json.RawMessage) (*facts, error) {
	var head, f facts
	d := json.NewDecoder(strings.NewReader(string(raw)))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		var s string
		if json.Unmarshal(raw, &s) != nil {
			s = Pretty(raw)
		}
		into := &f
		if n := fmt.Sprint(name); n == "code" || n == "name" || n == "status" {
			into = &head
		}
		into.put(fmt.Sprint(name), plain(s))
	}
	head.names, head.values = append(head.names, f.names...), append(head.values, f.values...)
	return &head, nil
}
