package platform

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"
)

// What follows walks over JSON (RFC 8259) in place. It knows less than
// encoding/json and is sure of what it knows: a walk that fails, be it for a
// mistake or for something rare, sends the whole body there.

// walkSpace is where the white space at i ends.
func walkSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// walkText goes over the string whose opening quote is at i. It returns the
// index after the closing one, or -1, and whether the string has no escapes:
// then it means what it is. UTF-8 is not looked at.
func walkText(b []byte, i int) (end int, plain bool) {
	plain = true
	for i++; ; {
		i = walkPlain(b, i)
		if i >= len(b) || b[i] < ' ' {
			return -1, false
		}
		if b[i] == '"' {
			return i + 1, plain
		}
		plain = false
		if i+1 >= len(b) {
			return -1, false
		}
		switch b[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i += 2
		case 'u':
			if i+6 > len(b) || !hex(b[i+2]) || !hex(b[i+3]) || !hex(b[i+4]) || !hex(b[i+5]) {
				return -1, false
			}
			i += 6
		default:
			return -1, false
		}
	}
}

// unescaped is a copy of what a string means, which is JSON and still has its
// quotes. Code units and what is not UTF-8 are left to encoding/json.
func unescaped(raw []byte) []byte {
	inside := raw[1 : len(raw)-1]
	own := make([]byte, 0, len(inside))
	if !utf8.Valid(inside) {
		return unmarshalText(raw)
	}
	for {
		at := bytes.IndexByte(inside, '\\')
		if at < 0 {
			return append(own, inside...)
		}
		own = append(own, inside[:at]...)
		c := inside[at+1]
		switch c {
		case 'u':
			return unmarshalText(raw)
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		own = append(own, c)
		inside = inside[at+2:]
	}
}

func unmarshalText(raw []byte) []byte {
	var text string
	_ = json.Unmarshal(raw, &text) // a JSON string always fits
	return []byte(text)
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// walkPlain is the first index from i on with a quote, a backslash or a
// control character, or len(b). It looks at eight bytes at a time: of a byte
// v-n borrows into the top bit if v < n, and only above such a byte may the
// others be wrong, so the lowest hit is always right.
func walkPlain(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		quote, slash := v^(ones*'"'), v^(ones*'\\')
		if hit := ((v-ones*' ')&^v | (quote-ones)&^quote | (slash-ones)&^slash) & tops; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// walkName goes over an object's member name at i and its colon. It returns
// what is between the quotes and where the value begins, or -1.
func walkName(b []byte, i int) (name []byte, plain bool, next int) {
	if i >= len(b) || b[i] != '"' {
		return nil, false, -1
	}
	end, plain := walkText(b, i)
	if end < 0 {
		return nil, false, -1
	}
	colon := walkSpace(b, end)
	if colon >= len(b) || b[colon] != ':' {
		return nil, false, -1
	}
	return b[i+1 : end-1], plain, walkSpace(b, colon+1)
}

// walkValue goes over the value at i and returns where it ends, or -1 if it
// is not JSON or nests deeper than maxDepth.
func walkValue(b []byte, i int) int {
	var objects uint64 // a bit per level, the innermost lowest: 1 for an object
	depth := 0
value:
	for {
		if i = walkSpace(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case '{', '[':
			if depth == maxDepth {
				return -1
			}
			object := b[i] == '{'
			i = walkSpace(b, i+1)
			if i >= len(b) {
				return -1
			}
			if object && b[i] == '}' || !object && b[i] == ']' {
				i++
				break // an empty one ends at once
			}
			depth++
			objects <<= 1
			if object {
				objects |= 1
				if _, _, i = walkName(b, i); i < 0 {
					return -1
				}
			}
			continue value
		case '"':
			i, _ = walkText(b, i)
		case 't':
			i = walkWord(b, i, "true")
		case 'f':
			i = walkWord(b, i, "false")
		case 'n':
			i = walkWord(b, i, "null")
		default:
			i = walkNumber(b, i)
		}
		if i < 0 {
			return -1
		}
		for depth > 0 { // a value has ended: what comes within what holds it?
			if i = walkSpace(b, i); i >= len(b) {
				return -1
			}
			object := objects&1 == 1
			switch {
			case b[i] == ',' && object:
				if _, _, i = walkName(b, walkSpace(b, i+1)); i < 0 {
					return -1
				}
				continue value
			case b[i] == ',':
				i++
				continue value
			case b[i] == '}' && object, b[i] == ']' && !object:
				i++
				depth--
				objects >>= 1
			default:
				return -1
			}
		}
		return i
	}
}

func walkWord(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func walkNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = walkDigits(b, i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = walkDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return walkDigits(b, i)
	}
	return i
}

// walkDigits goes over one digit or more.
func walkDigits(b []byte, i int) int {
	begin := i
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if i == begin {
		return -1
	}
	return i
}
