package federation

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// How long a provider may take, and how much it may say.
const (
	requestTime = 10 * time.Second
	dialTime    = 5 * time.Second
	maxAnswer   = 1 << 20
	maxHeader   = 64 << 10
)

// newClient makes the client that talks to providers. It follows no redirect,
// since who is redirected sends codes and secrets elsewhere, and reads bounded
// answers. Providers on private networks are usual, so only what can be none is
// refused: link-local addresses, where clouds keep their metadata, and those
// that are nobody's.
func newClient() *http.Client {
	dialer := &net.Dialer{Timeout: dialTime, ControlContext: refuseAddress}
	return &http.Client{
		Timeout: requestTime,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Transport: bounded{&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    dialTime,
			ResponseHeaderTimeout:  requestTime,
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConns:           20,
			MaxConnsPerHost:        20,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		}},
	}
}

func refuseAddress(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial provider: %w", err)
	}
	ip := at.Addr().Unmap()
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return errors.New("dial provider: its name leads to a link-local, multicast or unspecified address")
	}
	return nil
}

// bounded cuts answers off that are too long.
type bounded struct{ next http.RoundTripper }

var _ http.RoundTripper = bounded{}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	return answer, nil
}
