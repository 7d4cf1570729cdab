package api

import "testing"

// Whoever may change a connection and not see its secrets can not have them
// sent to a place of their own.
func TestCredentialsDoNotFollowAConnectionToAnotherHost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.admin()
	do := func(body string) *answer { t.Helper(); return w.do("PUT", "/api/connections/c", admin, body) }
	w.do("POST", "/api/connections", admin, `{"code":"c","url":"http://hooks.example.com/a","auth":{"type":"BEARER","token":"t0ken"}}`).is(201)
	shown := w.do("GET", "/api/connections/c", admin, "").is(200).get("auth").(map[string]any)["token"].(map[string]any)["fingerprint"].(string)
	for _, body := range []string{
		`{"url":"https://evil.example.com/a"}`,
		`{"url":"http://hooks.example.com:8080/a"}`,
		`{"url":"https://evil.example.com/a","auth":{"type":"BEARER"}}`,
		`{"url":"https://evil.example.com/a","auth":{"type":"BEARER","token":{"fingerprint":"` + shown + `"}}}`,
	} {
		do(body).problem(400, "INVALID", "auth.token", "another host")
	}
	do(`{"url":"http://hooks.example.com/b"}`).is(204)
	do(`{"url":"https://hooks.example.com/b"}`).is(204)                                                       // TLS is no other place
	do(`{"url":"http://hooks.example.com/b"}`).problem(400, "INVALID", "auth.token")                          // doing without it is
	do(`{"url":"https://new.example.com/b","auth":{"type":"BEARER","token":"t0ken"}}`).is(204)                // who knows it may
	do(`{"url":"https://third.example.com/b","auth":{"type":"BASIC","username":"u","password":"p"}}`).is(204) // it is not needed any more

	oauth := `{"type":"OAUTH2","tokenUrl":"https://login.example.com/token","clientId":"fc","clientSecret":"s3cret"}`
	do(`{"auth":` + oauth + `}`).is(204)
	do(`{"auth":{"type":"OAUTH2","tokenUrl":"https://evil.example.com/token","clientId":"fc"}}`).problem(400, "INVALID", "auth.clientSecret", "another host")
	do(`{"auth":{"type":"OAUTH2","tokenUrl":"https://login.example.com/token2","clientId":"fc"}}`).is(204)
	// A signature tells nobody the secret: it may go anywhere.
	w.do("POST", "/api/connections", admin, `{"code":"d","url":"https://hooks.example.com/a","signing":{"scheme":"flowcatalyst","secret":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"}}`).is(201)
	w.do("PUT", "/api/connections/d", admin, `{"url":"https://other.example.com/a"}`).is(204)
}
