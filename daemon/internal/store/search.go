package store

import "time"

// MinExamined is how many rows a page may look at however long that takes, so
// that no page is in vain where rows are slow to come by.
const MinExamined = 256

// A Search is how much a page has looked at for the sake of filters that have no
// index. It belongs to one page, which may be gathered with several queries: all
// of them together look at MaxExamined rows; and once it has gone on for as long
// as Patience, at no more than MinExamined that do not fit. Without one a query
// looks at MaxExamined rows, however long that takes.
type Search struct {
	Patience time.Duration // 0 is endless

	examined, missed int
	began            time.Time
}

// timedRows is after how many rows in vain a Search looks at the clock.
const timedRows = 32

// Over counts a row that is about to be looked at, and says that it is one too
// many.
func (s *Search) Over() bool {
	if s.examined == 0 {
		s.began = time.Now()
	}
	if s.examined == MaxExamined || s.Patience > 0 && s.missed >= MinExamined && s.missed%timedRows == 0 && time.Since(s.began) > s.Patience {
		return true
	}
	s.examined++
	return false
}

// Miss says that the row did not fit.
func (s *Search) Miss() { s.missed++ }
