package cmd

import (
	"context"
	"io"
)

// stdin is standard input that is left alone once a command is interrupted: a
// pipe that nobody writes to would keep it else.
type stdin struct {
	ctx  context.Context
	from io.Reader
	read chan chunk // nil, or what is being read
	left []byte
	err  error
}

type chunk struct {
	b   []byte
	err error
}

// Unwrap is what is beneath, for who needs the terminal itself.
func (s *stdin) Unwrap() io.Reader { return s.from }

// Read implements io.Reader, for one reader at a time.
func (s *stdin) Read(p []byte) (int, error) {
	if len(s.left) == 0 && s.err == nil {
		if s.read == nil {
			read := make(chan chunk, 1)
			s.read = read
			go func() {
				b := make([]byte, 64<<10)
				n, err := s.from.Read(b)
				read <- chunk{b[:n], err}
			}()
		}
		select {
		case c := <-s.read:
			s.read, s.left, s.err = nil, c.b, c.err
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
	if len(s.left) == 0 {
		return 0, s.err
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}
