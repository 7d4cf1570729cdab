// Package couriertest has receivers for the benchmarks of what delivers.
package couriertest

import (
	"net"
	"testing"
)

// BareRequest is how long the benchmarks' requests are, about.
const BareRequest = 1900

// Bare listens at an address and answers whenever what it read ends like an envelope.
func Bare(b testing.TB) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				in, out := make([]byte, 8<<10), []byte("HTTP/1.1 200 OK\r\nDate: Fri, 02 Jan 2026 15:04:05 GMT\r\nContent-Length: 0\r\n\r\n")
				for {
					n, err := c.Read(in)
					if err != nil {
						return
					}
					if in[n-1] == '}' {
						_, _ = c.Write(out)
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
