package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// maxPasswordBytes bounds what a stranger can have hashed.
const maxPasswordBytes = 1024

// ErrPasswordLength says that a password is empty or longer than 1024 bytes.
var ErrPasswordLength = errors.New("a password has 1 to 1024 bytes")

// argonParams are the cost of a hash. Ours are OWASP's second choice for
// Argon2id: 19 MiB, two passes, one lane.
type argonParams struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

var currentParams = argonParams{memory: 19 << 10, time: 2, threads: 1}

const (
	saltBytes = 16
	hashBytes = 32
	// A stored hash may come from elsewhere. These bound what checking it can
	// cost.
	maxMemory  = 256 << 10
	maxTime    = 16
	maxThreads = 16
)

// ErrBusy says that so many passwords wait to be hashed that one more would
// wait for too long. Trying again in a few seconds helps.
var ErrBusy = errors.New("too many passwords wait to be checked")

// maxWaiting is how many wait for their turn: some seconds' worth. Strangers
// can ask for more than any machine can do, and each that waits holds a
// request.
const maxWaiting = 64

// Passwords hashes and checks passwords with Argon2id. Each hash takes 19 MiB
// and tens of milliseconds, so only a few are worked on at once; the others
// wait for their turn or for the end of their context, and where 64 wait
// already, the next is refused with ErrBusy.
type Passwords struct {
	turns   chan struct{}
	waiting atomic.Int64
	sums    atomic.Int64
}

// NewPasswords lets this many hashes be worked on at once; fewer than 1 means
// 2.
func NewPasswords(concurrent int) *Passwords {
	if concurrent < 1 {
		concurrent = 2
	}
	return &Passwords{turns: make(chan struct{}, concurrent)}
}

// Hash gives the PHC string of a password, to be stored.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if password == "" || len(password) > maxPasswordBytes {
		return "", fmt.Errorf("hash password: %w", ErrPasswordLength)
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	sum, err := p.sum(ctx, password, salt, currentParams, hashBytes)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		currentParams.memory, currentParams.time, currentParams.threads,
		enc.EncodeToString(salt), enc.EncodeToString(sum)), nil
}

// Verify tells whether the password is the one that was hashed. Give an empty
// hash for a user who does not exist or has no password: the answer is no, and
// takes as long. The error is about the context or a stored hash that cannot
// be read, never about the password.
func (p *Passwords) Verify(ctx context.Context, hash, password string) (bool, error) {
	if len(password) > maxPasswordBytes {
		return false, nil
	}
	if hash == "" {
		_, err := p.sum(ctx, password, make([]byte, saltBytes), currentParams, hashBytes)
		return false, err
	}
	params, salt, want, err := parsePHC(hash)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	got, err := p.sum(ctx, password, salt, params, uint32(len(want)))
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// NeedsRehash is true if a hash was made with other parameters than today's.
// Hash the password again after the next good login.
func NeedsRehash(hash string) bool {
	params, salt, sum, err := parsePHC(hash)
	return err != nil || params != currentParams || len(salt) < saltBytes || len(sum) != hashBytes
}

func (p *Passwords) sum(ctx context.Context, password string, salt []byte, a argonParams, n uint32) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.turns <- struct{}{}:
	default:
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
	defer func() { <-p.turns }()
	p.sums.Add(1)
	return argon2.IDKey([]byte(password), salt, a.time, a.memory, a.threads, n), nil
}

// wait takes a turn once there is one.
func (p *Passwords) wait(ctx context.Context) error {
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > maxWaiting {
		return ErrBusy
	}
	select {
	case p.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Sums is how many hashes were worked out so far, whatever they were for.
func (p *Passwords) Sums() int64 { return p.sums.Load() }

// errHash does not quote the hash: it is a secret of sorts.
var errHash = errors.New("the stored hash is not an Argon2id PHC string within our limits")

func parsePHC(s string) (a argonParams, salt, sum []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return a, nil, nil, errHash
	}
	_, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.memory, &a.time, &a.threads)
	// Written back, so that nothing follows the numbers.
	if err != nil || parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", a.memory, a.time, a.threads) {
		return a, nil, nil, errHash
	}
	if a.memory < 8 || a.memory > maxMemory || a.time < 1 || a.time > maxTime || a.threads < 1 || a.threads > maxThreads {
		return a, nil, nil, errHash
	}
	salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return a, nil, nil, errHash
	}
	sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(sum) < 16 || len(sum) > 64 {
		return a, nil, nil, errHash
	}
	return a, salt, sum, nil
}
