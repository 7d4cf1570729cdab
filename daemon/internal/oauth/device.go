package oauth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Two entries belong to a device that waits (RFC 8628): its own under the hash
// of the device code, and one under that of the user code, which names it.
const (
	spaceDevice   = "oauth_device"
	spaceUserCode = "oauth_user_code"
)

const (
	deviceLife = 15 * time.Minute
	// pollEvery is how long a device waits between two questions; one that
	// does not wait has to wait that much longer each time (RFC 8628, 3.5).
	pollEvery = 5 * time.Second
)

// The states of a device.
const (
	deviceWaits   = ""
	deviceAllowed = "ALLOWED"
	deviceDenied  = "DENIED"
	deviceDone    = "DONE" // it has its tokens
)

// device is what is kept of a device code.
//
//	waits ──allowed──▶ polled ──▶ done
//	  ╰──denied
type device struct {
	OAuthID   string    `json:"oauthId"`
	Client    string    `json:"client"` // the id of its resource
	Scope     string    `json:"scope,omitempty"`
	Address   string    `json:"address,omitempty"`
	UserAgent string    `json:"userAgent,omitempty"`
	AskedAt   time.Time `json:"askedAt"`
	EndsAt    time.Time `json:"endsAt"`

	Interval time.Duration `json:"interval"`
	PolledAt time.Time     `json:"polledAt,omitzero"`
	State    string        `json:"state,omitempty"`
	Grant    grant         `json:"grant,omitzero"`
}

// Authorization is what a device is told to show and do (RFC 8628, 3.2).
type Authorization struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int    `json:"expires_in" doc:"Seconds"`
	Interval                int    `json:"interval" doc:"Seconds between two requests for the token"`
}

// AuthorizeDevice is the device authorization endpoint.
func (s *Server) AuthorizeDevice(ctx context.Context, call Call) (Authorization, error) {
	if err := once(call.Form); err != nil {
		return Authorization{}, err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return Authorization{}, err
	}
	client, err := s.client(d, call)
	if err != nil {
		return Authorization{}, err
	}
	if err := allows(client, resource.GrantDeviceCode); err != nil {
		return Authorization{}, err
	}
	scope, err := scopeOf(client, call.Form.Get("scope"))
	if err != nil {
		return Authorization{}, err
	}
	if err := s.wait("device\x00"+call.From.Address, call.From); err != nil {
		return Authorization{}, err
	}
	now := s.now()
	deviceCode, userCode := rand.Text()+rand.Text(), newUserCode()
	key := iam.HashSecret(deviceCode)
	dev := device{OAuthID: client.OAuthID, Client: client.ID, Scope: scope.String(), Address: call.From.Address, UserAgent: iam.Printable(call.From.UserAgent, 200),
		AskedAt: now, EndsAt: now.Add(deviceLife), Interval: pollEvery}
	body, err := json.Marshal(dev)
	if err != nil {
		return Authorization{}, err
	}
	err = s.o.Store.SwapEntries(ctx, []store.Entry{
		{Space: spaceDevice, Key: key, Owner: client.ID, Body: body, ExpiresAt: dev.EndsAt},
		{Space: spaceUserCode, Key: iam.HashSecret(userCode), Owner: client.ID, Body: []byte(`"` + key + `"`), ExpiresAt: dev.EndsAt},
	}, nil, now)
	if err != nil {
		return Authorization{}, fmt.Errorf("keep device code: %w", err)
	}
	uri := s.o.Tokens.Issuer() + DevicePath
	shown := showUserCode(userCode)
	return Authorization{DeviceCode: deviceCode, UserCode: shown, VerificationURI: uri, VerificationURIComplete: uri + "?user_code=" + shown,
		ExpiresIn: int(deviceLife / time.Second), Interval: int(pollEvery / time.Second)}, nil
}

// userAlphabet has no vowels, so that no code is a word, and no letters that
// are taken for others (RFC 8628, 6.1). Eight of them are 34 bits, which the
// throttle and 15 minutes keep from being guessed.
const userAlphabet = "BCDFGHJKLMNPQRSTVWXZ"

func newUserCode() string {
	out := make([]byte, 0, 8)
	for len(out) < cap(out) {
		var b [16]byte
		_, _ = rand.Read(b[:]) // it never fails
		for _, c := range b {
			if c < 240 && len(out) < cap(out) { // 240 is 12 times 20
				out = append(out, userAlphabet[int(c)%len(userAlphabet)])
			}
		}
	}
	return string(out)
}

func showUserCode(code string) string { return code[:4] + "-" + code[4:] }

// readUserCode takes a code as people type it.
func readUserCode(typed string) (string, bool) {
	code := make([]byte, 0, 8)
	for _, c := range []byte(strings.ToUpper(typed)) {
		switch {
		case c == '-' || c == ' ':
		case strings.IndexByte(userAlphabet, c) < 0 || len(code) == cap(code):
			return "", false
		default:
			code = append(code, c)
		}
	}
	return string(code), len(code) == cap(code)
}

// Waiting is a device that asks somebody to let it in.
type Waiting struct {
	Client    *resource.OAuthClient
	Scope     Scope
	UserCode  string
	Address   string
	UserAgent string
	AskedAt   time.Time

	key      string
	dev      device
	revision int64
}

// ErrUserCode says that a user code is not that of a device that waits.
var ErrUserCode = errors.New("no device waits with this code; it may have ended, or been typed wrong")

// Find is the device of a user code, for who is signed in. Guesses are
// throttled by who makes them, and a right one gives none back: a device of
// one's own would buy the next thirty.
func (s *Server) Find(ctx context.Context, typed string, in iam.Session, from From) (Waiting, error) {
	code, ok := readUserCode(typed)
	if !ok {
		return Waiting{}, ErrUserCode
	}
	if err := s.wait("user code\x00"+in.PrincipalID, from); err != nil {
		return Waiting{}, err
	}
	e, err := s.o.Store.Entry(ctx, store.EntryKey{Space: spaceUserCode, Key: iam.HashSecret(code)}, s.now())
	if errors.Is(err, store.ErrNotFound) {
		return Waiting{}, ErrUserCode
	}
	if err != nil {
		return Waiting{}, fmt.Errorf("read user code: %w", err)
	}
	w := Waiting{UserCode: showUserCode(code)}
	if err := json.Unmarshal(e.Body, &w.key); err != nil {
		return Waiting{}, fmt.Errorf("read user code: %w", err)
	}
	if w.dev, w.revision, err = s.readDevice(ctx, w.key); err != nil {
		return Waiting{}, err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return Waiting{}, err
	}
	w.Client = d.OAuthClient(w.dev.OAuthID)
	if w.dev.State != deviceWaits || w.Client == nil || !w.Client.IsActive() || w.Client.ID != w.dev.Client {
		return Waiting{}, ErrUserCode
	}
	w.Scope, w.Address, w.UserAgent, w.AskedAt = must(parseScope(w.dev.Scope)), w.dev.Address, w.dev.UserAgent, w.dev.AskedAt
	return w, nil
}

func (s *Server) readDevice(ctx context.Context, key string) (device, int64, error) {
	e, err := s.o.Store.Entry(ctx, store.EntryKey{Space: spaceDevice, Key: key}, s.now())
	if errors.Is(err, store.ErrNotFound) {
		return device{}, 0, ErrUserCode
	}
	if err != nil {
		return device{}, 0, fmt.Errorf("read device code: %w", err)
	}
	var dev device
	if err := json.Unmarshal(e.Body, &dev); err != nil {
		return device{}, 0, fmt.Errorf("read device code: %w", err)
	}
	return dev, e.Revision, nil
}

func (s *Server) putDevice(ctx context.Context, key string, dev device, revision int64) error {
	body, err := json.Marshal(dev)
	if err != nil {
		return err
	}
	err = s.o.Store.SwapEntries(ctx, []store.Entry{{Space: spaceDevice, Key: key, Owner: dev.Client, Body: body, Revision: revision, ExpiresAt: dev.EndsAt}}, nil, s.now())
	if err != nil {
		return fmt.Errorf("write device code: %w", err)
	}
	return nil
}

// Decide lets a device in as the person with this session, or not.
func (s *Server) Decide(ctx context.Context, w Waiting, in iam.Session, allow bool) error {
	// Polls change the entry too, every few seconds.
	for range 10 {
		dev := w.dev
		dev.State = deviceDenied
		if allow {
			d, err := s.o.Directory.Get(ctx)
			if err != nil {
				return err
			}
			if dev.Grant, err = s.given(d, w.Client, w.Scope, in); err != nil {
				return err
			}
			dev.State = deviceAllowed
		}
		err := s.putDevice(ctx, w.key, dev, w.revision)
		if err == nil {
			s.o.Logger.Info("a device was answered", "oauth_client", dev.OAuthID, "principal", in.PrincipalID, "allowed", allow)
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if w.dev, w.revision, err = s.readDevice(ctx, w.key); err != nil {
			return err
		}
		if w.dev.State != deviceWaits {
			return ErrUserCode
		}
	}
	return fmt.Errorf("answer a device: %w", store.ErrConflict)
}

// poll answers a device that asks whether it was let in (RFC 8628, 3.4).
func (s *Server) poll(ctx context.Context, client *resource.OAuthClient, call Call) (Answer, error) {
	if call.Form.Get("device_code") == "" {
		return Answer{}, refuse(InvalidRequest, "device_code is missing")
	}
	key := iam.HashSecret(call.Form.Get("device_code"))
	dev, revision, err := s.readDevice(ctx, key)
	if errors.Is(err, ErrUserCode) {
		return Answer{}, refuse(ExpiredToken, "the device code is not valid any more; begin again")
	}
	if err != nil {
		return Answer{}, err
	}
	if dev.Client != client.ID {
		return Answer{}, refuse(InvalidGrant, "the device code is not that of this client")
	}
	now := s.now()
	fast := now.Sub(dev.PolledAt) < dev.Interval-time.Second // networks are uneven
	switch dev.State {
	case deviceDenied:
		return Answer{}, refuse(AccessDenied, "somebody said no to this device")
	case deviceDone:
		return Answer{}, refuse(InvalidGrant, "the device code was used")
	case deviceAllowed:
		dev.State = deviceDone
		if err := s.putDevice(ctx, key, dev, revision); errors.Is(err, store.ErrConflict) {
			return Answer{}, refuse(InvalidGrant, "the device code was used")
		} else if err != nil {
			return Answer{}, err
		}
		t, err := s.start(ctx, client, dev.Grant, "device", call.From)
		if err != nil {
			return Answer{}, err
		}
		return s.answer(client, t, "", dev.Grant.AuthTime)
	}
	code := AuthorizationPending
	if dev.PolledAt = now; fast {
		code = SlowDown
		dev.Interval = min(dev.Interval+pollEvery, time.Minute)
	}
	// Who answers at this moment changes the entry too, and what they say
	// counts more than when we asked.
	if err := s.putDevice(ctx, key, dev, revision); err != nil && !errors.Is(err, store.ErrConflict) {
		return Answer{}, err
	}
	if code == SlowDown {
		return Answer{}, refuse(SlowDown, "ask %d seconds apart", int(dev.Interval/time.Second))
	}
	return Answer{}, refuse(AuthorizationPending, "nobody has answered yet; ask again")
}
