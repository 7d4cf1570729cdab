package main

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// line is a way to a server, which can be cut.
type line struct {
	net.Listener
	to string

	mu    sync.Mutex
	conns map[net.Conn]bool
	bytes func() int64 // how many a connection brings before it breaks; nil is no end
}

func newLine(server string) (*line, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &line{Listener: l, to: u.Host, conns: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.carry(c)
		}
	}()
	return p, nil
}

// url is its address.
func (p *line) url() string { return "http://" + p.Addr().String() }

// frail says how many bytes a new connection brings before it breaks.
func (p *line) frail(bytes func() int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes = bytes
}

// cut ends what is connected.
func (p *line) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *line) end() {
	_ = p.Close()
	p.cut()
}

func (p *line) carry(c net.Conn) {
	s, err := net.Dial("tcp", p.to)
	if err != nil {
		_ = c.Close()
		return
	}
	p.mu.Lock()
	p.conns[c], p.conns[s] = true, true
	most := int64(1 << 60)
	if p.bytes != nil {
		most = p.bytes()
	}
	p.mu.Unlock()
	go func() { _, _ = io.Copy(s, c); _ = s.Close() }()
	_, _ = io.CopyN(c, s, most)
	_, _ = c.Close(), s.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	delete(p.conns, s)
}

// lines are those of stories, by address.
var lines sync.Map

// tap leads what follows over a line that can be cut.
func tap(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: tap")
	}
	p, err := newLine(ts.Getenv("FCCTL_URL"))
	ts.Check(err)
	lines.Store(p.url(), p)
	ts.Defer(func() {
		lines.Delete(p.url())
		p.end()
	})
	ts.Setenv("FCCTL_URL", p.url())
}

// cut ends what is connected over the line.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	p, ok := lines.Load(strings.TrimSuffix(ts.Getenv("FCCTL_URL"), "/"))
	if neg || len(args) != 0 || !ok {
		ts.Fatalf("usage: cut, after tap")
	}
	p.(*line).cut()
}
