package flow

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// ID is a TSID: 42 bits of milliseconds since the Unix epoch, then 22 bits
// that start at random in each millisecond and count up. It is written as
// 13 characters of Crockford base32, upper case, zero padded. The zero ID is
// no id and is written as "".
type ID uint64

// ErrID says that a text is not a TSID.
var ErrID = errors.New("is not an id of 13 Crockford base32 characters")

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var crockfordValue = func() (v [256]int8) {
	for i := range v {
		v[i] = -1
	}
	for i := range len(crockford) {
		v[crockford[i]] = int8(i)
		if c := crockford[i]; c >= 'A' {
			v[c+'a'-'A'] = int8(i)
		}
	}
	return v
}()

// String writes the id, or "" for no id.
func (id ID) String() string {
	if id == 0 {
		return ""
	}
	var b [13]byte
	for i := 12; i >= 0; i-- {
		b[i] = crockford[id&31]
		id >>= 5
	}
	return string(b[:])
}

// Time is the millisecond in which the id was made.
func (id ID) Time() time.Time { return time.UnixMilli(int64(id >> 22)).UTC() }

// ParseID reads the 13 characters.
func ParseID(s string) (ID, error) {
	if len(s) != 13 {
		return 0, ErrID
	}
	var id uint64
	for i := range 13 {
		v := crockfordValue[s[i]]
		if v < 0 || i == 0 && v > 15 {
			return 0, ErrID
		}
		id = id<<5 | uint64(v)
	}
	if id == 0 {
		return 0, ErrID
	}
	return ID(id), nil
}

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; "" is no id.
func (id *ID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*id = 0
		return nil
	}
	v, err := ParseID(string(b))
	*id = v
	return err
}

// IDs makes ids that strictly increase within one value, whatever the clock
// does: when it stands still or jumps back, the last id's counter goes on.
// The zero value is ready. It is safe for concurrent use.
type IDs struct {
	mu   sync.Mutex
	last ID
}

// New makes the next id.
func (g *IDs) New(now time.Time) ID {
	var r [4]byte
	_, _ = rand.Read(r[:]) // crypto/rand does not fail (Go 1.24)
	g.mu.Lock()
	defer g.mu.Unlock()
	// Half of the counter's range is left for ids in the same millisecond.
	id := ID(uint64(now.UnixMilli())<<22 | uint64(binary.LittleEndian.Uint32(r[:])&(1<<21-1)))
	if id <= g.last {
		id = g.last + 1
	}
	g.last = id
	return id
}

// After makes sure that coming ids are greater than id.
func (g *IDs) After(id ID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = max(g.last, id)
}
