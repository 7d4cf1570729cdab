package auth

import (
	"crypto/sha256"
	"sync"
)

type tokenID = [sha256.Size]byte

// verified is a token whose signature we have checked.
type verified struct {
	claims Claims
	keyID  string
}

// tokenCache remembers verified tokens in two generations: what is used moves
// to the young one, and when that is full the old one is forgotten. So it
// never holds more than its size, and forgets what nobody uses. Only tokens
// with a good signature come in, so a stranger cannot fill it.
type tokenCache struct {
	half int

	mu         sync.Mutex
	young, old map[tokenID]verified
}

func newTokenCache(size int) *tokenCache {
	return &tokenCache{half: max(size/2, 1), young: make(map[tokenID]verified)}
}

func (c *tokenCache) get(id tokenID) (verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.young[id]; ok {
		return v, true
	}
	v, ok := c.old[id]
	if ok {
		delete(c.old, id)
		c.add(id, v)
	}
	return v, ok
}

func (c *tokenCache) put(id tokenID, v verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(id, v)
}

func (c *tokenCache) add(id tokenID, v verified) {
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[tokenID]verified)
	}
	c.young[id] = v
}

func (c *tokenCache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.old)
}
