package courier

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"syscall"
)

// Egress says where deliveries may go.
type Egress struct {
	// DenyPrivate refuses addresses that are not the public internet's:
	// private, loopback, link-local (which has the cloud's metadata),
	// multicast, shared and reserved ones, however they are written.
	DenyPrivate bool
	// AllowCIDRs are exempt from DenyPrivate.
	AllowCIDRs []netip.Prefix
	// HTTPSOnly refuses targets with http://.
	HTTPSOnly bool
	// Proxy is the http:// URL of a proxy that all deliveries go through: by
	// CONNECT to https targets, in absolute form to the others. Its own
	// address is not checked, since an operator named it. With DenyPrivate a
	// target's addresses are looked up and checked here before the proxy is
	// asked. Nil is none; the environment is not consulted.
	Proxy *url.URL
}

// egressError says that a target is out of bounds.
type egressError struct {
	addr netip.Addr
	what string
}

func (e *egressError) Error() string {
	return fmt.Sprintf("the target resolves to %s, which is a %s address. If that is wanted, add it to allow_cidrs in the router's egress block", e.addr, e.what)
}

var denied = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared (carrier NAT)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/96"), "loopback or unspecified"},
	{netip.MustParsePrefix("100::/64"), "discard"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "private"},
	{netip.MustParsePrefix("2001::/32"), "tunnelled (Teredo)"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "private"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// carried is the IPv4 address that an IPv6 address leads to, or the address
// itself: what is refused as 10.0.0.1 is refused as ::ffff:10.0.0.1 too.
func carried(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case a.Is4():
		return a
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixTo4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

// check judges the address that is about to be dialled.
func (e *Egress) check(addr netip.Addr) error {
	if !e.DenyPrivate {
		return nil
	}
	a := carried(addr)
	for _, p := range e.AllowCIDRs {
		if p.Contains(a) || p.Contains(addr.Unmap().WithZone("")) {
			return nil
		}
	}
	for _, d := range denied {
		if d.prefix.Contains(a) {
			return &egressError{addr, d.what}
		}
	}
	return nil
}

// control is called by the dialer with each resolved address, before it
// connects: a name that changes its address between check and use gains
// nothing.
func (e *Egress) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if c := callOf(ctx); c != nil {
		c.resolved()
		if c.seen != nil {
			c.seen.dialled(address)
		}
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read address to dial: %w", err)
	}
	return e.check(ap.Addr())
}
