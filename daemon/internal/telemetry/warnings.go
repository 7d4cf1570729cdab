package telemetry

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Severity says how urgent a warning is.
type Severity string

// The severities, the least urgent first.
const (
	Info     Severity = "INFO"
	Warn     Severity = "WARN"
	Error    Severity = "ERROR"
	Critical Severity = "CRITICAL"
)

var severities = []Severity{Info, Warn, Error, Critical}

// worse says that a severity is above another.
func (s Severity) worse(than Severity) bool {
	return slices.Index(severities, s) > slices.Index(severities, than)
}

// Warning is something that a person should look at.
type Warning struct {
	Category string // what it is about: CONFIGURATION, GONE, …
	Severity Severity
	Message  string
	Source   string // what it is about in particular: a subscription, say
	ClientID string // whose it is, if it is one client's
	// Key tells warnings of one client, category and source apart; those with
	// the same are one that came again. Empty is the message.
	Key string
	At  time.Time
}

// Standing is a warning as it is kept: the newest of its kind.
type Standing struct {
	Warning
	ID           string
	First        time.Time
	Count        int
	Acknowledged bool
}

// The bounds of Warnings.
const (
	MaxWarnings = 1000
	WarningAge  = 8 * time.Hour
)

// Warnings keeps what people should look at until it is old, or pushed out by
// newer ones. Its methods may be called from any goroutine, and take no longer
// than a look into memory.
type Warnings struct {
	now   func() time.Time
	start string

	mu    sync.Mutex
	made  int
	byKey map[warningKey]*Standing
}

type warningKey struct{ client, category, source, key string }

// NewWarnings returns an empty list; now is its clock, time.Now if nil.
func NewWarnings(now func() time.Time) *Warnings {
	if now == nil {
		now = time.Now
	}
	// Ids of an earlier life of the process must not mean something else.
	return &Warnings{now: now, start: strconv.FormatInt(now().UnixMilli(), 36), byKey: map[warningKey]*Standing{}}
}

// Warn adds a warning. One that stands already is counted, and brings the text
// and the time up to date; it counts as new again if it has become worse than
// what somebody acknowledged.
func (ws *Warnings) Warn(w Warning) {
	now := ws.now()
	if w.At.IsZero() {
		w.At = now
	}
	k := warningKey{w.ClientID, w.Category, w.Source, cmp.Or(w.Key, w.Message)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if s := ws.byKey[k]; s != nil && !ws.old(s, now) {
		s.Acknowledged = s.Acknowledged && !w.Severity.worse(s.Severity)
		s.Warning = w
		s.Count++
		return
	}
	if len(ws.byKey) >= MaxWarnings {
		ws.makeRoom(now)
	}
	ws.made++
	ws.byKey[k] = &Standing{Warning: w, ID: ws.start + "-" + strconv.Itoa(ws.made), First: w.At, Count: 1}
}

func (ws *Warnings) old(s *Standing, now time.Time) bool { return now.Sub(s.At) > WarningAge }

// makeRoom lets go of what is old, or else of an eighth: first of what somebody
// has acknowledged, then of what came longest ago.
func (ws *Warnings) makeRoom(now time.Time) {
	type kept struct {
		k warningKey
		s *Standing
	}
	var rest []kept
	for k, s := range ws.byKey {
		if ws.old(s, now) {
			delete(ws.byKey, k)
			continue
		}
		rest = append(rest, kept{k, s})
	}
	if len(rest) < MaxWarnings {
		return
	}
	slices.SortFunc(rest, func(a, b kept) int {
		if a.s.Acknowledged != b.s.Acknowledged {
			if a.s.Acknowledged {
				return -1
			}
			return 1
		}
		return a.s.At.Compare(b.s.At)
	})
	for _, r := range rest[:MaxWarnings/8] {
		delete(ws.byKey, r.k)
	}
}

// List returns what stands, the newest first.
func (ws *Warnings) List() []Standing {
	now := ws.now()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	list := make([]Standing, 0, len(ws.byKey))
	for k, s := range ws.byKey {
		if ws.old(s, now) {
			delete(ws.byKey, k)
			continue
		}
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Standing) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
	})
	return list
}

// Get returns the warning of an id; false if it does not stand any more.
func (ws *Warnings) Get(id string) (Standing, bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if s := ws.find(id); s != nil {
		return *s, true
	}
	return Standing{}, false
}

// Acknowledge notes that somebody knows; doing so twice is no error. It is
// false for a warning that does not stand any more.
func (ws *Warnings) Acknowledge(id string) (Standing, bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	s := ws.find(id)
	if s == nil {
		return Standing{}, false
	}
	s.Acknowledged = true
	return *s, true
}

func (ws *Warnings) find(id string) *Standing {
	now := ws.now()
	for _, s := range ws.byKey {
		if s.ID == id && !ws.old(s, now) {
			return s
		}
	}
	return nil
}
