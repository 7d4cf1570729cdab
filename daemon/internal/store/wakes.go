package store

import "sync"

// Wakes carries the news of commits to the stages that wait for them. It is
// a hint, never the only way: a stage that missed one finds the work by its
// slow poll.
type Wakes struct {
	Events    Wake // events were appended
	Lanes     Wake // jobs of these lanes became ready, ended or moved
	Holds     Wake // holds of these endpoints were set or released
	Resources Wake // resources changed
	Jobs      Feed // jobs changed, and which
}

// NewWakes makes the set.
func NewWakes() *Wakes {
	w := &Wakes{}
	for _, k := range []*Wake{&w.Events, &w.Lanes, &w.Holds, &w.Resources, &w.Jobs.Wake} {
		k.init()
	}
	return w
}

// maxKeys bounds the keys that a listener has not taken; beyond it the
// listener is told to look at everything.
const maxKeys = 4096

// Wake is one topic with any number of listeners. Posts coalesce: a slow
// listener costs nobody anything and misses nothing.
type Wake struct {
	mu        sync.Mutex
	listeners map[*Listener]struct{}
}

func (w *Wake) init() { w.listeners = map[*Listener]struct{}{} }

// Listener receives posts. C has a value when there is something to Take.
type Listener struct {
	C    <-chan struct{}
	c    chan struct{}
	w    *Wake
	keys map[string]struct{}
	all  bool
}

// Listen registers a listener; Close ends it.
func (w *Wake) Listen() *Listener {
	c := make(chan struct{}, 1)
	l := &Listener{C: c, c: c, w: w, keys: map[string]struct{}{}}
	w.mu.Lock()
	w.listeners[l] = struct{}{}
	w.mu.Unlock()
	return l
}

// Post wakes every listener with keys; without keys it says "all".
func (w *Wake) Post(keys ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for l := range w.listeners {
		if len(keys) == 0 {
			l.all = true
		}
		for _, k := range keys {
			if len(l.keys) >= maxKeys {
				l.all = true
				break
			}
			l.keys[k] = struct{}{}
		}
		select {
		case l.c <- struct{}{}:
		default:
		}
	}
}

// Take returns what was posted since the last Take and forgets it. With all,
// anything may have changed.
func (l *Listener) Take() (keys []string, all bool) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	for k := range l.keys {
		keys = append(keys, k)
	}
	clear(l.keys)
	all, l.all = l.all, false
	return keys, all
}

// Close unregisters the listener.
func (l *Listener) Close() {
	l.w.mu.Lock()
	delete(l.w.listeners, l)
	l.w.mu.Unlock()
}
