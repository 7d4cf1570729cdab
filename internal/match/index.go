package match

import "strings"

// entry is one pattern of one subscription, by their places in the set.
type entry struct {
	sub, binding int32
}

// node is a step of the tree over the four segments of a pattern. Leaves,
// four steps down, hold the entries.
type node struct {
	words   map[string]*node
	any     *node // the "*" branch
	entries []entry
}

// add files an entry under a pattern of four segments.
func (n *node) add(pattern string, e entry) {
	for word := range strings.SplitSeq(pattern, ":") {
		next := n.any
		if word != "*" {
			next = n.words[word]
		}
		if next == nil {
			next = new(node)
			switch {
			case word == "*":
				n.any = next
			case n.words == nil:
				n.words = map[string]*node{word: next}
			default:
				n.words[word] = next
			}
		}
		n = next
	}
	n.entries = append(n.entries, e)
}

// find appends the entries whose pattern covers the segments.
func (n *node) find(segments []string, dst []entry) []entry {
	if n == nil {
		return dst
	}
	if len(segments) == 0 {
		return append(dst, n.entries...)
	}
	dst = n.words[segments[0]].find(segments[1:], dst)
	return n.any.find(segments[1:], dst)
}

// split cuts an event type into its four segments; ok is false if it has
// another number of them, or an empty one.
func split(eventType string) (segments [4]string, ok bool) {
	rest := eventType
	for i := range 3 {
		var found bool
		segments[i], rest, found = strings.Cut(rest, ":")
		if !found || segments[i] == "" {
			return segments, false
		}
	}
	segments[3] = rest
	return segments, rest != "" && !strings.Contains(rest, ":")
}

// covers says whether a pattern covers an event type. It is the plain form
// of what the tree does, for one subscription.
func covers(pattern, eventType string) bool {
	p, ok := split(pattern)
	t, ok2 := split(eventType)
	if !ok || !ok2 {
		return false
	}
	for i := range p {
		if p[i] != "*" && p[i] != t[i] {
			return false
		}
	}
	return true
}
