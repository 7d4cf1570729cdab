package auth

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// MemoryRefreshStore is the fake of these tests. It keeps refresh tokens in memory, a bounded number of them:
// when it is full, the tokens that came first are forgotten and their users
// log in again. A restart forgets them all.
type MemoryRefreshStore struct {
	limit int

	mu       sync.Mutex
	byHash   map[string]*list.Element
	families map[string]map[string]bool // family to hashes
	age      *list.List                 // of RefreshToken, oldest first
}

var _ RefreshStore = (*MemoryRefreshStore)(nil)

// NewMemoryRefreshStore returns an empty store for this many tokens; fewer
// than 1 means 100,000.
func NewMemoryRefreshStore(limit int) *MemoryRefreshStore {
	if limit < 1 {
		limit = 100_000
	}
	return &MemoryRefreshStore{
		limit: limit, byHash: make(map[string]*list.Element),
		families: make(map[string]map[string]bool), age: list.New(),
	}
}

// Insert implements RefreshStore.
func (s *MemoryRefreshStore) Insert(_ context.Context, t RefreshToken) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.insert(t)
	return nil
}

func (s *MemoryRefreshStore) insert(t RefreshToken) {
	for s.age.Len() >= s.limit {
		s.remove(s.age.Front())
	}
	s.byHash[t.Hash] = s.age.PushBack(t)
	if s.families[t.Family] == nil {
		s.families[t.Family] = make(map[string]bool)
	}
	s.families[t.Family][t.Hash] = true
}

func (s *MemoryRefreshStore) remove(e *list.Element) {
	t := s.age.Remove(e).(RefreshToken)
	delete(s.byHash, t.Hash)
	delete(s.families[t.Family], t.Hash)
	if len(s.families[t.Family]) == 0 {
		delete(s.families, t.Family)
	}
}

func (s *MemoryRefreshStore) removeFamily(family string) {
	for hash := range s.families[family] {
		s.remove(s.byHash[hash])
	}
}

// Exchange implements RefreshStore.
func (s *MemoryRefreshStore) Exchange(_ context.Context, x Exchange) (RefreshToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byHash[x.Hash]
	if !ok {
		return RefreshToken{}, ErrRefreshUnknown
	}
	used, next, err := x.Next(e.Value.(RefreshToken))
	if err != nil {
		if errors.Is(err, ErrRefreshReused) {
			s.removeFamily(used.Family)
		}
		return RefreshToken{}, err
	}
	e.Value = used
	s.insert(next)
	return next, nil
}

// Find implements RefreshStore.
func (s *MemoryRefreshStore) Find(_ context.Context, hash string, now time.Time) (RefreshToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byHash[hash]
	if !ok {
		return RefreshToken{}, ErrRefreshUnknown
	}
	return e.Value.(RefreshToken), nil
}

// Forget implements RefreshStore.
func (s *MemoryRefreshStore) Forget(_ context.Context, family string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeFamily(family)
	return nil
}
