package courier

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// names is a name server that has an address for every name.
type names func(name string) netip.Addr

// resolver asks the name server, and nobody else but the hosts file.
func (n names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go n.serve(there)
		return here, nil
	}}
}

// serve answers as RFC 1035 says for TCP: each message after its length.
func (n names) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		q := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		const header = 12
		var labels []string
		end := header
		for q[end] != 0 {
			labels = append(labels, string(q[end+1:end+1+int(q[end])]))
			end += 1 + int(q[end])
		}
		question := q[header : end+5]
		a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
		if kind := binary.BigEndian.Uint16(question[len(question)-4:]); kind == 1 { // A
			a[7] = 1
			ip := n(strings.Join(labels, ".")).As4()
			a = append(append(a, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), ip[:]...)
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)); err != nil {
			return
		}
	}
}

// However a private address is written, and whatever the resolver makes of it,
// nothing is sent there.
func TestNoSpellingOfAPrivateAddressIsReached(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer srv.Close()
	port := srv.Listener.Addr().(*net.TCPAddr).Port
	// Some resolvers take numbers of any base for addresses; this one has all
	// names lead here.
	obliging := names(func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") }).resolver()
	for _, host := range []string{
		"127.0.0.1", "localhost", "localhost.", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0177.0.0.1", "0177.0.0.01", "017700000001", "0x7f.1", "0x7f.0.0.1", "0x7f000001", "0x7F.0x0.0x0.0x1",
		"[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:ffff:7f00:0001]", "[64:ff9b::127.0.0.1]", "[::1%25lo]",
		"user@127.0.0.1", "user:word@127.0.0.1", "hooks.example.com@127.0.0.1", "hooks.example.com", "127.0.0.1.hooks.example.com", "①②⑦.⓪.⓪.①", "ｌocalhost", "127。0。0。1",
	} {
		o, c := oneOrder(fmt.Sprintf("http://%s:%d/in", host, port), resource.Signing{}, func(o *Options) { o.Egress.DenyPrivate = true })
		c.wire.ways.dial.guarded.Resolver = obliging
		a := c.Exchange(t.Context(), o, new(Desk))
		// Go's resolver asks nobody for what ends like a number: such a name
		// does not exist.
		if numeric := a.ErrorType == flow.ErrorConnection && strings.Contains(a.Error, "does not exist"); !numeric &&
			(a.Verdict != flow.Reject || a.ErrorType != flow.ErrorEgressDenied && a.ErrorType != flow.ErrorConfiguration) {
			t.Errorf("%s: %s %s: %s", host, a.Verdict, a.ErrorType, a.Error)
		}
	}
	if n := hits.Load(); n > 0 {
		t.Errorf("the receiver was reached %d times", n)
	}
}

// What a name led to the last time says nothing about this time.
func TestANameThatChangesItsAddressIsJudgedEachTime(t *testing.T) {
	t.Parallel()
	var hits, lookups atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		w.Header().Set("Connection", "close")
	}))
	defer srv.Close()
	o, c := oneOrder(fmt.Sprintf("http://hooks.example.com:%d/in", srv.Listener.Addr().(*net.TCPAddr).Port), resource.Signing{},
		func(o *Options) {
			o.Egress = Egress{DenyPrivate: true, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
		})
	c.wire.ways.dial.guarded.Resolver = names(func(string) netip.Addr {
		if lookups.Add(1) == 1 {
			return netip.MustParseAddr("127.0.0.1")
		}
		return netip.MustParseAddr("169.254.169.254")
	}).resolver()
	if a := c.Exchange(t.Context(), o, new(Desk)); a.Verdict != flow.Delivered {
		t.Fatalf("first: %s %s", a.Verdict, a.Error)
	}
	if a := c.Exchange(t.Context(), o, new(Desk)); a.ErrorType != flow.ErrorEgressDenied || !strings.Contains(a.Error, "169.254.169.254") {
		t.Errorf("second: %s %s", a.Verdict, a.Error)
	}
	if hits.Load() != 1 {
		t.Errorf("%d hits", hits.Load())
	}
}
