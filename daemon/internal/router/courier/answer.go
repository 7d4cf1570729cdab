package courier

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

var (
	errMalformed = errors.New("malformed HTTP answer")
	errLongHead  = fmt.Errorf("headers of an answer longer than %d bytes", maxHeaderBytes)
)

func malformed(what string, quoted []byte) error {
	return fmt.Errorf("%w: %s %.80q", errMalformed, what, quoted)
}

// answer is the head of an answer as it was read: its text in one buffer, its
// fields as places in it. It is reused from exchange to exchange.
type answer struct {
	status int
	length int64 // of the body; -1 when the head does not say
	chunks bool
	close  bool // the connection is of no use afterwards

	text   []byte
	fields []field
	left   int  // bytes that the head may still have
	strict bool // lines must end with CRLF, not with LF alone
}

// field is where a header's canonical name and its value are in the text.
type field struct{ name, colon, value, end int }

func (h *answer) name(f field) []byte  { return h.text[f.name:f.colon] }
func (h *answer) value(f field) []byte { return h.text[f.value:f.end] }

// get is the first value of a header, given in canonical form.
func (h *answer) get(name string) string {
	for _, f := range h.fields {
		if string(h.name(f)) == name {
			return string(h.value(f))
		}
	}
	return ""
}

// read reads heads up to the one that counts: informational ones are skipped,
// but all together have no more room than one.
func (h *answer) read(r *bufio.Reader) error {
	h.left, h.strict = maxHeaderBytes, false
	for {
		if err := h.readOne(r); err != nil {
			if err == io.EOF {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		if h.status >= 200 || h.status == http.StatusSwitchingProtocols {
			return nil
		}
	}
}

func (h *answer) readOne(r *bufio.Reader) error {
	// What does not begin so is told apart without waiting for a line's end.
	if start, err := r.Peek(5); err != nil {
		return err
	} else if string(start) != "HTTP/" {
		return malformed("it begins with", start)
	}
	h.text, h.fields = h.text[:0], h.fields[:0]
	line, err := h.line(r)
	if err != nil {
		return err
	}
	major, minor, err := h.readStatus(line)
	if err != nil {
		return err
	}
	h.text = h.text[:0]
	if err := h.readFields(r); err != nil {
		return err
	}
	return h.readTransfer(major, minor)
}

// line appends the next line to the text and returns it without its end.
func (h *answer) line(r *bufio.Reader) ([]byte, error) {
	start := len(h.text)
	for {
		part, err := r.ReadSlice('\n')
		if h.left -= len(part); h.left < 0 {
			return nil, errLongHead
		}
		h.text = append(h.text, part...)
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			return nil, err
		}
	}
	h.text = h.text[:len(h.text)-1]
	if n := len(h.text); n > start && h.text[n-1] == '\r' {
		h.text = h.text[:n-1]
	} else if h.strict {
		return nil, malformed("line end", h.text[start:])
	}
	return h.text[start:], nil
}

// readStatus reads a status line, RFC 9112 §4.
func (h *answer) readStatus(line []byte) (major, minor byte, err error) {
	proto, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(proto) != len("HTTP/1.1") || proto[6] != '.' || !digit(proto[5]) || !digit(proto[7]) {
		return 0, 0, malformed("status line", line)
	}
	code, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	if len(code) != 3 || !digit(code[0]) || !digit(code[1]) || !digit(code[2]) || code[0] == '0' {
		return 0, 0, malformed("status", line)
	}
	h.status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	return proto[5] - '0', proto[7] - '0', nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// readFields reads header lines up to and with the blank one, RFC 9112 §5.
func (h *answer) readFields(r *bufio.Reader) error {
	for {
		start := len(h.text)
		line, err := h.line(r)
		if err != nil {
			return err
		}
		switch {
		case len(line) == 0:
			return nil
		case line[0] != ' ' && line[0] != '\t':
			if err := h.readField(start, line); err != nil {
				return err
			}
		case len(h.fields) == 0:
			return malformed("first header line", line)
		case !visible(line):
			return malformed("header line", line)
		default:
			h.fold(line)
		}
	}
}

// readField takes a line, which is the text from start on, as a field.
func (h *answer) readField(start int, line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !canonical(line[:colon]) || !visible(line[colon:]) {
		return malformed("header line", line)
	}
	f := field{name: start, colon: start + colon, value: start + colon + 1, end: len(h.text)}
	for f.end > f.value && blank(h.text[f.end-1]) {
		f.end--
	}
	for f.value < f.end && blank(h.text[f.value]) {
		f.value++
	}
	h.fields = append(h.fields, f)
	return nil
}

// fold appends a continuation line to the last field, RFC 9112 §5.2. The line
// stands right behind what the field has, so nothing has to move but it.
func (h *answer) fold(line []byte) {
	f := &h.fields[len(h.fields)-1]
	text := bytes.Trim(line, " \t")
	empty := f.value == f.end
	h.text = h.text[:f.end]
	if !empty {
		h.text = append(h.text, ' ')
	}
	h.text = append(h.text, text...) // to the left of itself, or in place
	f.end = len(h.text)
}

// visible says that a text has no control character, RFC 9110 §5.5.
func visible(text []byte) bool {
	for _, c := range text {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// canonical brings a name into the form that http.Header has, in place. It is
// false for what is not a name. As there, a name may have spaces, and is then
// left as it is, so that it is no name we know.
func canonical(name []byte) bool {
	spaced := false
	for _, c := range name {
		if c == ' ' {
			spaced = true
		} else if !token[c] {
			return false
		}
	}
	if spaced {
		return true
	}
	upper := true
	for i, c := range name {
		if upper && c >= 'a' && c <= 'z' {
			name[i] = c - ('a' - 'A')
		} else if !upper && c >= 'A' && c <= 'Z' {
			name[i] = c + ('a' - 'A')
		}
		upper = c == '-'
	}
	return true
}

// token are the characters of a token, RFC 9110 §5.6.2.
var token = func() (t [256]bool) {
	for c := byte('0'); c <= 'z'; c++ {
		t[c] = digit(c) || c >= 'A' && c <= 'Z' || c >= 'a'
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] = true
	}
	return t
}()

// readTransfer finds out how the body ends and whether the connection goes on
// after it, RFC 9112 §6.3 and §9.3. The headers that say so are taken out,
// where http.ReadResponse does so too: they are about this connection and not
// about the answer.
func (h *answer) readTransfer(major, minor byte) error {
	var (
		encodings, lengths, closes, keeps int
		first                             []byte // content length
	)
	modern := major > 1 || major == 1 && minor > 0 || major == 0 && minor == 0
	h.length, h.chunks = -1, false
	for _, f := range h.fields {
		value := h.value(f)
		switch string(h.name(f)) {
		case "Transfer-Encoding":
			if encodings++; modern {
				if encodings > 1 || len(value) != len("chunked") || !strings.EqualFold(string(value), "chunked") {
					return fmt.Errorf("%w: its transfer encoding %.80q is not known", errMalformed, value)
				}
				h.chunks = true
			}
		case "Content-Length":
			value = bytes.Trim(value, " \t")
			n, err := strconv.ParseUint(string(value), 10, 63)
			if err != nil || lengths > 0 && !bytes.Equal(value, first) {
				return malformed("content length", value)
			}
			lengths++
			h.length, first = int64(n), value
		case "Connection":
			closes += listed(value, "close")
			keeps += listed(value, "keep-alive")
		}
	}
	old := major == 1 && minor == 0
	h.close = major < 1 || closes > 0 || old && keeps == 0
	bodyless := h.status < 200 || h.status == http.StatusNoContent || h.status == http.StatusNotModified
	hasLength := lengths > 0
	if bodyless {
		h.length = 0
	} else if h.chunks {
		h.length, hasLength = -1, false
	}
	if encodings+lengths+closes == 0 && !h.chunks {
		h.close = h.close || h.length < 0
		return nil
	}
	kept, seen := h.fields[:0], false
	for _, f := range h.fields {
		switch string(h.name(f)) {
		case "Transfer-Encoding":
			continue
		case "Content-Length":
			if !hasLength || seen {
				continue
			}
			if seen = true; lengths > 1 {
				f.end = f.value + len(first)
			}
		case "Connection":
			if closes > 0 && !old && major > 0 {
				continue
			}
		case "Trailer":
			if h.chunks {
				continue
			}
		}
		kept = append(kept, f)
	}
	h.fields = kept
	if bodyless {
		h.chunks = false
	}
	h.close = h.close || h.length < 0 && !h.chunks
	return nil
}

// listed counts a word in a comma-separated list.
func listed(list []byte, word string) (n int) {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte(","))
		if item = bytes.Trim(item, " \t"); len(item) == len(word) && strings.EqualFold(string(item), word) {
			n++
		}
	}
	return n
}
