// Package federationtest has an OpenID Connect provider that says what a test
// wants it to say.
package federationtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The client that a Provider knows.
const (
	ClientID = "flowcatalyst"
	Secret   = "the client's secret, & more"
)

// key signs for all providers: RSA takes its time.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// Claims are what an ID token or the userinfo endpoint says.
type Claims map[string]any

// Provider is a provider that lets everybody in at once. Its fields are a
// script; set them before it is used, or under Set.
type Provider struct {
	*httptest.Server

	mu sync.Mutex
	// Secret is the client's.
	Secret string
	// Claims are those of whoever signs in next, besides iss, aud, exp, iat
	// and nonce. One of these that is named takes the place of the right one;
	// nil takes it away.
	Claims Claims
	// UserInfo is what the userinfo endpoint says; nil: there is none.
	UserInfo Claims
	// Sign makes the ID token; nil signs with RS256 and the right key.
	Sign func(Claims) string
	// Discovery changes the document.
	Discovery func(Claims)
	// Down answers 503 to the requests of a path.
	Down map[string]bool
	// Asked counts the requests of a path.
	Asked map[string]int

	codes map[string]url.Values // of the requests that they answer
}

// Start runs a provider until the test ends.
func Start(t testing.TB) *Provider {
	p := &Provider{Secret: Secret, Down: map[string]bool{}, Asked: map[string]int{}, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.token)
	mux.HandleFunc("/keys", p.keys)
	mux.HandleFunc("/userinfo", p.userInfo)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.Asked[r.URL.Path]++
		if p.Down[r.URL.Path] {
			http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Server.Close)
	return p
}

// Set changes the script.
func (p *Provider) Set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	says := Claims{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		// What we must not take though it is offered is part of the script.
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
	}
	if p.UserInfo != nil {
		says["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	if p.Discovery != nil {
		p.Discovery(says)
	}
	answer(w, http.StatusOK, says)
}

// authorize lets the browser's user in and sends it back.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code := rand.Text()
	p.codes[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code string) { answer(w, status, Claims{"error": code}) }
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749, section 2.3.1: both are form-encoded
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != ClientID || secret != p.Secret {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	code := r.PostFormValue("code")
	asked, known := p.codes[code]
	delete(p.codes, code)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") ||
		asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		refuse(http.StatusBadRequest, "invalid_grant")
		return
	}
	now := time.Now()
	says := Claims{"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": asked.Get("nonce")}
	maps.Copy(says, p.Claims)
	for name, v := range says {
		if v == nil {
			delete(says, name)
		}
	}
	sign := p.Sign
	if sign == nil {
		sign = func(c Claims) string { return Sign(c, jwt.SigningMethodRS256, key()) }
	}
	answer(w, http.StatusOK, Claims{"access_token": "access-" + code, "token_type": "Bearer", "expires_in": 3600, "id_token": sign(says)})
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "" {
		answer(w, http.StatusUnauthorized, Claims{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, p.UserInfo)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	public := key().PublicKey
	answer(w, http.StatusOK, Claims{"keys": []Claims{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
}

const keyID = "key-1"

// Sign makes a token with a key of a test's choice.
func Sign(c Claims, method jwt.SigningMethod, with crypto.PrivateKey) string {
	t := jwt.NewWithClaims(method, jwt.MapClaims(c))
	t.Header["kid"] = keyID
	s, err := t.SignedString(with)
	if err != nil {
		panic(err)
	}
	return s
}

// PublicKey is the modulus that everybody can read, as a secret for HS256.
func PublicKey() []byte { return key().PublicKey.N.Bytes() }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever is gone is gone
}
