package eventfile

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// Item is one event of a file.
type Item struct {
	Line  int // on which it begins, from 1
	Event client.NewEvent
	// Digest stands for the text of the event: the same text has the same.
	Digest uint64
}

// Error is what is wrong with a file, and on which line.
type Error struct {
	Line int
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap is for errors.As.
func (e *Error) Unwrap() error { return e.Err }

// byteOrderMark stands before a text that some editors write in UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// Read yields the events of r in their order, and holds no more than one of
// them. It ends with the first error, which is an *Error unless r failed.
func Read(r io.Reader) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		b := bufio.NewReader(r)
		if mark, _ := b.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
			_, _ = b.Discard(len(mark)) // which was peeked at
		}
		list, err := opensList(b)
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Item{}, err)
			return
		}
		in := &counted{r: b}
		d := json.NewDecoder(in)
		if list {
			if _, err := d.Token(); err != nil {
				yield(Item{}, in.fault(d, err))
				return
			}
			for d.More() {
				if !next(d, in, yield) {
					return
				}
			}
			if _, err := d.Token(); err != nil {
				yield(Item{}, in.fault(d, err))
				return
			}
		}
		for d.More() {
			if !next(d, in, yield) {
				return
			}
		}
		// More is false at the end and where the reader failed or a closing
		// bracket stands.
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			yield(Item{}, in.fault(d, err))
		}
	}
}

// opensList says that what follows the white space is a list, whose elements
// can be read one by one.
func opensList(b *bufio.Reader) (bool, error) {
	for n := 1; ; n++ {
		p, err := b.Peek(n)
		if err != nil {
			return false, err
		}
		switch p[n-1] {
		case ' ', '\t', '\r', '\n':
			if n == b.Size() {
				return false, nil
			}
		default:
			return p[n-1] == '[', nil
		}
	}
}

// next yields the next value, which is an event or a list of them.
func next(d *json.Decoder, in *counted, yield func(Item, error) bool) bool {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		yield(Item{}, in.fault(d, err))
		return false
	}
	line := in.line(d.InputOffset() - int64(len(raw)))
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			yield(Item{}, &Error{line, err})
			return false
		}
	}
	for _, r := range list {
		e, err := event(r)
		if err != nil {
			yield(Item{}, &Error{line, err})
			return false
		}
		if !yield(Item{Line: line, Event: e, Digest: Digest(r)}, nil) {
			return false
		}
	}
	return true
}

// Digest is that of a text.
func Digest(text []byte) uint64 {
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:8])
}

// wire is an event as the API takes it, with the data as it stands, and the
// other names of the fields. Matching of names ignores case, so that those of
// CloudEvents need no names of their own.
type wire struct {
	client.NewEvent
	Data        json.RawMessage `json:"data"`
	DataBase64  json.RawMessage `json:"data_base64"`
	Time        time.Time       `json:"time"`
	ID          json.RawMessage `json:"id"`
	SpecVersion string          `json:"specVersion"`
	Expunged    bool            `json:"expunged"`

	EventType   string            `json:"event_type"`
	Group       string            `json:"message_group"`
	Correlation string            `json:"correlation_id"`
	Causation   string            `json:"causation_id"`
	Dedup       string            `json:"deduplication_id"`
	Client      string            `json:"client_id"`
	Context     []client.KeyValue `json:"context_data"`
	CreatedAt   json.RawMessage   `json:"createdAt"` // of an event that a server has kept
}

// event reads one event: as the API takes it, as the API shows it, or as a
// CloudEvent.
func event(raw json.RawMessage) (client.NewEvent, error) {
	if raw[0] != '{' {
		return client.NewEvent{}, errors.New("is no event: an event is an object such as {\"type\": …, \"data\": …}")
	}
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return client.NewEvent{}, fmt.Errorf("%s must not be a %s", strings.TrimPrefix(wrong.Field, "NewEvent."), wrong.Value)
		}
		return client.NewEvent{}, err
	}
	if err := known(raw, w.cloudEvent()); err != nil {
		return client.NewEvent{}, err
	}
	if w.DataBase64 != nil {
		return client.NewEvent{}, errors.New("data_base64 is not supported: data must be JSON")
	}
	if w.Expunged {
		return client.NewEvent{}, errors.New("the data of this event was erased, so that it can not be published again")
	}
	e := w.NewEvent
	e.Time = w.Time
	if len(w.Data) > 0 {
		e.Data = w.Data
	}
	for _, f := range []struct {
		to   *string
		from string
	}{{&e.Type, w.EventType}, {&e.MessageGroup, w.Group}, {&e.CorrelationID, w.Correlation}, {&e.CausationID, w.Causation}, {&e.DeduplicationID, w.Dedup}, {&e.ClientID, w.Client}} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	if e.ContextData == nil {
		e.ContextData = w.Context
	}
	if e.Type == "" {
		return client.NewEvent{}, errors.New("the event has no type")
	}
	if w.cloudEvent() && e.DeduplicationID == "" {
		var id string
		if json.Unmarshal(w.ID, &id) == nil && id != "" {
			e.DeduplicationID = e.Source + " " + id // as the server would make it
		}
	}
	return e, nil
}

// Document is data as the server has it: text that itself is an object or a
// list counts as that.
func Document(data json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return data
	}
	if t := strings.TrimSpace(text); t != "" && (t[0] == '{' || t[0] == '[') && json.Valid([]byte(t)) {
		return json.RawMessage(t)
	}
	return data
}

// cloudEvent says that a publisher gave the event its id. What a server shows
// has a version, too.
func (w *wire) cloudEvent() bool { return w.SpecVersion != "" && w.CreatedAt == nil }

// counted is a reader that knows where lines end.
type counted struct {
	r     io.Reader
	read  int64
	ends  []int64 // offsets of line ends not yet passed
	lines int     // passed
	err   error
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.ends = append(c.ends, c.read+int64(i))
		}
	}
	c.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// line is the line of an offset that is not before the last one asked for.
func (c *counted) line(offset int64) int {
	n := 0
	for n < len(c.ends) && c.ends[n] < offset {
		n++
	}
	c.ends = append(c.ends[:0], c.ends[n:]...)
	c.lines += n
	return c.lines + 1
}

// fault says on which line the decoder failed.
func (c *counted) fault(d *json.Decoder, err error) error {
	if c.err != nil {
		return c.err
	}
	at := d.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = max(at, syntax.Offset-1)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		at, err = c.read, errors.New("ends in the middle of an event")
	case err == nil:
		err = errors.New("a bracket closes what was never opened")
	}
	return &Error{c.line(at), err}
}
