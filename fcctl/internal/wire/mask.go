package wire

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands where a secret was.
const hidden = "(hidden)"

// secretWords are what the name of a secret has in it, in lower case and
// without what separates its words. Rather too much is hidden than too little.
var secretWords = []string{"password", "secret", "token", "apikey", "passphrase", "credential", "privatekey", "authorization", "cookie", "assertion", "devicecode", "usercode", "csrf", "signature"}

// secretNames are whole names of secrets: key is that of an API key.
var secretNames = []string{"key", "code_verifier"}

// formNames are secrets in forms and queries, where OAuth has its own names.
var formNames = []string{"code", "state", "user_code"}

// secretTexts are secrets wherever they stand: signing secrets, JSON Web
// Tokens, and what follows the scheme of an Authorization.
var secretTexts = regexp.MustCompile(`whs(ec|k)_[A-Za-z0-9+/=_-]+|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?|(?i:\b(bearer|basic) [A-Za-z0-9._~+/=-]+)`)

func isSecret(name string) bool {
	if slices.Contains(secretNames, strings.ToLower(name)) {
		return true
	}
	bare := strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(name))
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(bare, w) })
}

// mask hides secrets: those that have a secret's name or look, and those that
// the request was sent with, wherever they stand.
type mask struct{ known []string }

func newMask(r *http.Request) *mask {
	m := new(mask)
	if _, token, has := strings.Cut(r.Header.Get("Authorization"), " "); has {
		m.know(token)
	}
	if _, secret, is := r.BasicAuth(); is {
		m.know(secret)
	}
	return m
}

// know remembers a secret. One that is too short would hide half of a text.
func (m *mask) know(secret string) {
	if len(secret) >= 6 {
		m.known = append(m.known, secret)
	}
}

// learn remembers the secrets of a request's body: an answer may repeat them.
func (m *mask) learn(body []byte, kind string) {
	if isForm(kind) {
		if form, err := url.ParseQuery(string(body)); err == nil {
			for name, values := range form {
				if isSecret(name) || slices.Contains(formNames, name) {
					for _, v := range values {
						m.know(v)
					}
				}
			}
		}
		return
	}
	if v, err := decode(body); err == nil {
		m.value(v, func(s string) { m.know(s) })
	}
}

func isForm(kind string) bool {
	t, _, _ := mime.ParseMediaType(kind)
	return t == "application/x-www-form-urlencoded"
}

func decode(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// body is a body as it can be shown: a form or JSON. In any other a secret
// could not be told from the rest.
func (m *mask) body(body []byte, kind string) (string, bool) {
	if isForm(kind) {
		form, err := url.ParseQuery(string(body))
		return m.query(form), err == nil
	}
	v, err := decode(body)
	if err != nil {
		return "", false
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(m.value(v, nil)) != nil {
		return "", false
	}
	return strings.TrimRight(b.String(), "\n"), true
}

// value hides the secrets in a JSON value; found, if not nil, is told of each
// that is one by name.
func (m *mask) value(v any, found func(string)) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			if isSecret(name) || name == "headers" {
				out[name] = hideAll(member, found)
				continue
			}
			out[name] = m.value(member, found)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = m.value(e, found)
		}
		return out
	case string:
		// A payload may be JSON within a text.
		if s := strings.TrimSpace(v); strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
			if inner, err := decode([]byte(s)); err == nil {
				b, err := json.Marshal(m.value(inner, found))
				if err == nil {
					return m.text(string(b))
				}
			}
		}
		return m.text(v)
	}
	return v
}

// hideAll hides all texts and numbers in a value, but not its shape.
func hideAll(v any, found func(string)) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			out[name] = hideAll(member, found)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = hideAll(e, found)
		}
		return out
	case string:
		if v == "" {
			return v
		}
		if found != nil {
			found(v)
		}
		return hidden
	case json.Number:
		return hidden
	}
	return v
}

// text hides what looks like a secret, and what is known to be one: also in
// the query of an address, such as one that lets a device in.
func (m *mask) text(s string) string {
	if u, err := url.Parse(s); err == nil && u.Host != "" && u.RawQuery != "" {
		u.RawQuery = m.query(u.Query())
		s = u.String()
	}
	for _, k := range m.known {
		s = strings.ReplaceAll(s, k, hidden)
	}
	return secretTexts.ReplaceAllString(s, hidden)
}

// query is a form or a query in its order of names.
func (m *mask) query(q url.Values) string {
	shown := url.Values{}
	for name, values := range q {
		for _, v := range values {
			if isSecret(name) || slices.Contains(formNames, name) {
				v = hidden
			}
			shown.Add(name, m.text(v))
		}
	}
	return strings.ReplaceAll(shown.Encode(), url.QueryEscape(hidden), hidden)
}

func (m *mask) url(u *url.URL) string {
	shown := *u
	shown.User, shown.RawQuery = nil, m.query(u.Query())
	return m.text(shown.String())
}
