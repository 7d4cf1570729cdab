package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The headers of both schemes, in the form in which http.Header keeps them.
const (
	HeaderTimestamp = "X-Flowcatalyst-Timestamp"
	HeaderSignature = "X-Flowcatalyst-Signature"

	HeaderWebhookID        = "Webhook-Id"
	HeaderWebhookTimestamp = "Webhook-Timestamp"
	HeaderWebhookSignature = "Webhook-Signature"
)

// TimestampFormat says how the scheme "flowcatalyst" writes its timestamp.
type TimestampFormat int

const (
	// ISOMillis writes 2026-01-02T15:04:05.678Z. It is the default.
	ISOMillis TimestampFormat = iota
	// UnixSeconds writes 1767366245, which some validators want.
	UnixSeconds
)

const isoMillis = "2006-01-02T15:04:05.000Z"

// A Signer signs deliveries. It decodes its secrets once, keeps the state of
// each HMAC key, and may be used by many goroutines at once.
type Signer struct {
	scheme Scheme
	format TimestampFormat
	keys   []key
	states sync.Pool // of *signState
}

// NewSigner prepares a signer. Under StandardWebhooks every secret signs, so
// that receivers can change from one to the next in their own time: private
// keys ("whsk_…") as "v1a", the others as "v1". Under FlowCatalyst the first
// one does. The format matters to FlowCatalyst only.
// The error wraps [ErrSecret] if a secret cannot be used.
func NewSigner(scheme Scheme, format TimestampFormat, secrets ...string) (*Signer, error) {
	switch scheme {
	case FlowCatalyst, StandardWebhooks:
	default:
		return nil, fmt.Errorf("unknown signing scheme %q", scheme)
	}
	if scheme == StandardWebhooks {
		format = UnixSeconds
	}
	ks, err := parseKeys(scheme, secrets)
	if err != nil {
		return nil, err
	}
	for i, k := range ks {
		if k.public != nil && k.private == nil {
			return nil, fmt.Errorf("secret %d of %d: %w: it is a public key (%s), which only verifies", i+1, len(ks), ErrSecret, publicPrefix)
		}
	}
	if scheme == FlowCatalyst {
		ks = ks[:1]
	}
	s := &Signer{scheme: scheme, format: format, keys: ks}
	s.states.New = func() any { return newSignState(s.keys) }
	return s, nil
}

// Scheme is the scheme in which s signs.
func (s *Signer) Scheme() Scheme { return s.scheme }

// Format implements fmt.Formatter, so that no verb prints the keys.
func (s *Signer) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "webhook.Signer(%s, %d keys)", s.scheme, len(s.keys))
}

// Signature holds the header values that make a request verifiable.
type Signature struct {
	ID        string // value of webhook-id; under FlowCatalyst it is not signed
	Timestamp string
	Value     string
}

// Sign signs body as the delivery with this id, sent at this time. The id is
// signed under StandardWebhooks only. It costs two allocations: the texts.
func (s *Signer) Sign(id string, at time.Time, body []byte) Signature {
	st := s.states.Get().(*signState)
	defer s.states.Put(st)

	st.text = appendTimestamp(st.text[:0], at, s.format)
	timestamp := string(st.text)

	st.text = st.text[:0]
	if s.scheme == StandardWebhooks {
		st.text = append(st.text, id...)
		st.text = append(st.text, '.')
		st.text = append(st.text, timestamp...)
		st.text = append(st.text, '.')
	} else {
		st.text = append(st.text, timestamp...)
	}

	st.value = st.value[:0]
	prefix := len(st.text)
	for i, mac := range st.macs {
		if i > 0 {
			st.value = append(st.value, ' ')
		}
		if mac == nil {
			// Ed25519 wants the whole message in one piece.
			st.text = append(st.text[:prefix], body...)
			st.value = append(st.value, "v1a,"...)
			st.value = base64.StdEncoding.AppendEncode(st.value, ed25519.Sign(s.keys[i].private, st.text))
			continue
		}
		mac.Reset()
		mac.Write(st.text[:prefix])
		mac.Write(body)
		st.sum = mac.Sum(st.sum[:0])
		if s.scheme == FlowCatalyst {
			st.value = hex.AppendEncode(st.value, st.sum)
			continue
		}
		st.value = append(st.value, "v1,"...)
		st.value = base64.StdEncoding.AppendEncode(st.value, st.sum)
	}
	if cap(st.text) > keptText {
		st.text = nil
	}
	return Signature{ID: id, Timestamp: timestamp, Value: string(st.value)}
}

// SignHeader signs as Sign does and puts the values into h, replacing what
// stood there.
func (s *Signer) SignHeader(h http.Header, id string, at time.Time, body []byte) {
	sig := s.Sign(id, at, body)
	// One array behind the header's slices, each capped so that an Add
	// copies instead of writing over its neighbour.
	v := &[3]string{sig.Timestamp, sig.Value, sig.ID}
	if s.scheme == StandardWebhooks {
		h[HeaderWebhookTimestamp] = v[0:1:1]
		h[HeaderWebhookSignature] = v[1:2:2]
		h[HeaderWebhookID] = v[2:3:3]
		return
	}
	h[HeaderTimestamp] = v[0:1:1]
	h[HeaderSignature] = v[1:2:2]
}

// keptText bounds what a signState keeps of a long body.
const keptText = 128 << 10

// signState is what one signing at a time works with. A reused HMAC remembers
// its padded keys, which saves two of the hash's blocks each time.
type signState struct {
	macs  []hash.Hash // by key; nil where the key is one of a pair
	text  []byte
	sum   []byte
	value []byte
}

func newSignState(keys []key) *signState {
	st := &signState{sum: make([]byte, 0, sha256.Size), macs: make([]hash.Hash, len(keys))}
	for i, k := range keys {
		if k.private == nil {
			st.macs[i] = hmac.New(sha256.New, k.hmac)
		}
	}
	return st
}

func appendTimestamp(b []byte, at time.Time, f TimestampFormat) []byte {
	if f == UnixSeconds {
		return strconv.AppendInt(b, at.Unix(), 10)
	}
	return at.UTC().AppendFormat(b, isoMillis)
}
