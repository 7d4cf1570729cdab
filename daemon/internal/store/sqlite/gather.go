package sqlite

import "runtime"

// gatherRounds bounds how often the writer lets others go first.
const gatherRounds = 4

// gather adds to a group what is on its way. Before each commit the writer
// lets every goroutine that could run do so, as long as that brings more
// verbs: under load callers that were just answered come back with their next
// verb and share the coming commit, so that a page which many of them change
// is written to the log once and not once for each. Where nobody waits to run
// this costs nothing and waits for nothing.
func gather(ops <-chan *op, group []*op) []*op {
	for range gatherRounds {
		before := len(group)
		runtime.Gosched()
		for len(group) < maxGroup {
			select {
			case o := <-ops:
				group = append(group, o)
				continue
			default:
			}
			break
		}
		if len(group) == before || len(group) == maxGroup {
			break
		}
	}
	return group
}
