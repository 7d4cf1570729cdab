package platform

import "strings"

// scanBatch reads a body that is a batch of events, or gives up.
func scanBatch(b []byte, cloudEvents bool) ([]EventDraft, bool) {
	i := walkSpace(b, 0)
	if i >= len(b) {
		return nil, false
	}
	if b[i] == '[' {
		drafts, end := scanItems(b, i, cloudEvents)
		return drafts, end >= 0 && walkSpace(b, end) == len(b)
	}
	if b[i] != '{' {
		return nil, false
	}
	var drafts []EventDraft
	for b[i] != '}' { // an empty object gives up below
		name, plain, at := walkName(b, walkSpace(b, i+1))
		if at < 0 || at >= len(b) || !plain || !ascii(name) {
			return nil, false
		}
		if batchName(name) {
			if b[at] != '[' || drafts != nil {
				return nil, false // which of two arrays counts is not for us to say
			}
			drafts, i = scanItems(b, at, cloudEvents)
		} else {
			i = walkValue(b, at)
		}
		if i < 0 {
			return nil, false
		}
		if i = walkSpace(b, i); i >= len(b) || b[i] != ',' && b[i] != '}' {
			return nil, false
		}
	}
	return drafts, drafts != nil && walkSpace(b, i+1) == len(b)
}

func batchName(name []byte) bool {
	return strings.EqualFold(string(name), "items") || strings.EqualFold(string(name), "events") || strings.EqualFold(string(name), "jobs")
}

// scanItems reads the events of the array that begins at i and returns where
// it ends, or -1.
func scanItems(b []byte, i int, cloudEvents bool) ([]EventDraft, int) {
	drafts := []EventDraft{}
	if i = walkSpace(b, i+1); i < len(b) && b[i] == ']' {
		return drafts, i + 1
	}
	for {
		if i >= len(b) || len(drafts) == MaxItems {
			return nil, -1
		}
		end := -1
		var d EventDraft
		if b[i] == '{' {
			var s scanned
			if end = s.scanObject(b, i); end >= 0 {
				w := s.event()
				d = w.decide(cloudEvents)
			}
		}
		if end < 0 {
			// Only this one is out of the ordinary, if it is JSON at all.
			if end = walkValue(b, i); end < 0 {
				return nil, -1
			}
			d = decodeEvent(b[i:end], cloudEvents)
		}
		if len(drafts) == 0 {
			// The others are likely to be about as large.
			drafts = make([]EventDraft, 0, min(MaxItems, (len(b)-i)/(end-i)+1))
		}
		drafts = append(drafts, d)
		if i = walkSpace(b, end); i >= len(b) {
			return nil, -1
		}
		switch b[i] {
		case ']':
			return drafts, i + 1
		case ',':
			i = walkSpace(b, i+1)
		default:
			return nil, -1
		}
	}
}
