package courier

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestEgressKnowsWhatIsNotPublic(t *testing.T) {
	t.Parallel()
	strict := Egress{DenyPrivate: true}
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9",
		"169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.168.1.1", "198.18.0.1", "192.0.0.8",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:0a00:0001::1", "2001:0:1::1",
	} {
		if err := strict.check(netip.MustParseAddr(a)); err == nil {
			t.Errorf("%s was let through", a)
		} else if strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, a := range []string{"1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "64:ff9b::1.1.1.1", "2002:0101:0101::1"} {
		if err := strict.check(netip.MustParseAddr(a)); err != nil {
			t.Errorf("%s was refused: %v", a, err)
		}
	}
}

func TestEgressAllowsWhatIsNamed(t *testing.T) {
	t.Parallel()
	e := Egress{DenyPrivate: true, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd12::/16")}}
	for a, allowed := range map[string]bool{
		"10.20.3.4": true, "::ffff:10.20.3.4": true, "fd12::1": true, "10.21.0.1": false, "fd13::1": false, "127.0.0.1": false,
	} {
		if err := e.check(netip.MustParseAddr(a)); (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed %v", a, err, allowed)
		}
	}
	if err := (&Egress{}).check(netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Errorf("nothing is denied, and loopback was refused: %v", err)
	}
}

// The transport must not be led elsewhere by the environment of the process.
func TestNoProxyIsUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("ALL_PROXY", "http://127.0.0.1:1")
	plain, err := newWire(&Egress{}, nil).ways.get(nil, true, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"http://hooks.example.com", "https://hooks.example.com"} {
		r, err := http.NewRequest(http.MethodPost, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := plain.foreign.transport.Proxy(r); p != nil || err != nil {
			t.Errorf("%s goes through the proxy %v, %v", target, p, err)
		}
	}
}
