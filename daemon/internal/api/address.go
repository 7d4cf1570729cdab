package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// address is where a request comes from: its peer, or, where that is a proxy
// of ours, whom the proxies name. X-Forwarded-For is read from its right end,
// since only what our own proxies have added can be believed: the first that
// is none of them is the one.
func (s *server) address(r *http.Request) string {
	peer := r.RemoteAddr
	if host, _, err := net.SplitHostPort(peer); err == nil {
		peer = host
	}
	if !s.trusts(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		ip, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // nobody behind this can be told
		}
		if peer = ip.Unmap().String(); !s.trusts(peer) {
			break
		}
	}
	return peer
}

// trusts says whether an address is that of a proxy of ours.
func (s *server) trusts(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(s.o.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}
