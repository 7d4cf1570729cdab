package api

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestTheAddressOfARequestIsWhatOurOwnProxiesSay(t *testing.T) {
	t.Parallel()
	s := &server{o: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:99", nil, "192.0.2.1"},
		{"192.0.2.1:99", []string{"198.51.100.7"}, "192.0.2.1"}, // no proxy of ours
		{"10.0.0.1:99", nil, "10.0.0.1"},
		{"10.0.0.1:99", []string{"198.51.100.7"}, "198.51.100.7"},
		{"10.0.0.1:99", []string{"1.1.1.1, 198.51.100.7"}, "198.51.100.7"}, // the left of it is a stranger's word
		{"10.0.0.1:99", []string{"1.1.1.1", "198.51.100.7, 10.2.3.4"}, "198.51.100.7"},
		{"10.0.0.1:99", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"[::1]:99", []string{"2001:db8::1"}, "2001:db8::1"},
		{"10.0.0.1:99", []string{"1.1.1.1, nonsense"}, "10.0.0.1"},
		{"10.0.0.1:99", []string{"nonsense, 10.2.3.4"}, "10.2.3.4"},
		{"@", []string{"198.51.100.7"}, "@"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := s.address(r); got != c.want {
			t.Errorf("%s with %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
