package resource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const hidden = "whsec_c2VjcmV0LXZhbHVl"

// leak fails if the hidden value can be read from a text, in any of fmt's
// encodings.
func leak(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden), fmt.Sprint([]byte(hidden))} {
		if strings.Contains(text, form) {
			t.Errorf("%s tells the secret: %s", where, text)
		}
	}
}

func holder(s Secret) *Connection {
	return &Connection{Code: "warehouse", Signing: Signing{Scheme: SchemeStandardWebhooks, Secret: s, Previous: []PreviousSecret{{Secret: s, Until: time.Unix(1, 0)}}}}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := NewSecret(hidden)
	c := holder(s)
	for name, v := range map[string]any{
		"a secret": s, "a pointer": &s, "an opened secret": s.Open(), "a connection": *c, "a pointer to a connection": c,
		"an opened connection": OpenSecrets(c), "a list": []Secret{s}, "a map": map[string]Secret{"k": s},
		"interfaces": []any{s, &s}, "an error": fmt.Errorf("sign: %v", s), "problems": c.Validate(), "a resource": Resource(c),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%b", "%10v", "%-5s|"} {
			leak(t, name+" with "+verb, fmt.Sprintf(verb, v))
		}
		leak(t, name+" with Sprintln", fmt.Sprintln(v))
		var text bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("made", "v", v, slog.Group("g", "v", v))
		leak(t, name+" in a text log", text.String())
	}
	for name, v := range map[string]any{
		"a secret": s, "a pointer": &s, "an opened secret": s.Open(), "a connection": *c, "a pointer to a connection": c,
		"a list": []Secret{s}, "a map": map[string]Secret{"k": s},
	} {
		var text bytes.Buffer
		slog.New(slog.NewJSONHandler(&text, nil)).Info("made", "v", v, slog.Group("g", "v", v))
		leak(t, name+" in a JSON log", text.String())
	}
	b, err := json.Marshal(map[string]any{"c": c, "s": s, "p": &s, "l": []Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	leak(t, "JSON", string(b))
	if strings.Count(string(b), s.Fingerprint()) != 5 {
		t.Errorf("the fingerprint is not shown everywhere: %s", b)
	}
}

func TestASecretGoesOutWhenItIsOpened(t *testing.T) {
	t.Parallel()
	c := holder(NewSecret(hidden))
	b, err := json.Marshal(OpenSecrets(c))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(b), hidden) != 2 {
		t.Errorf("the request does not carry the secrets: %s", b)
	}
	var back Connection
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.Signing.Secret.Reveal() != hidden || back.Signing.Previous[0].Secret.Reveal() != hidden {
		t.Error("the server does not read the secrets")
	}
	b, err = json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	leak(t, "the server's answer", string(b))
	b, err = json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	leak(t, "the original after it was opened in a copy", string(b))
}

func TestASecretKnowsItself(t *testing.T) {
	t.Parallel()
	s := NewSecret(hidden)
	if s.Reveal() != hidden || !s.Known() || s.IsZero() || !strings.HasPrefix(s.Fingerprint(), "sha256:") || len(s.Fingerprint()) != 19 {
		t.Errorf("the secret is %v", s)
	}
	var answer Secret
	if err := json.Unmarshal([]byte(`{"fingerprint":"`+s.Fingerprint()+`"}`), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Known() || answer.IsZero() || answer.Reveal() != "" || !answer.Equal(s) {
		t.Errorf("the secret of an answer is %v", answer)
	}
	if b, err := json.Marshal(answer.Open()); err != nil || string(b) != `{"fingerprint":"`+s.Fingerprint()+`"}` {
		t.Errorf("opened without its value it is %s, %v", b, err)
	}
	if s.Equal(NewSecret("other")) || s.Equal(Secret{}) {
		t.Error("different secrets are equal")
	}
	for _, text := range []string{"null", `""`} {
		v := s
		if err := json.Unmarshal([]byte(text), &v); err != nil || !v.IsZero() || v.Known() || v.String() != "" {
			t.Errorf("%s is read as %v, %v", text, v, err)
		}
	}
	for _, text := range []string{"1", "[]", `{"fingerprint":1}`} {
		v := Secret{}
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("%s is read as %v", text, v)
		}
	}
	if !NewSecret("").IsZero() {
		t.Error("an empty value is a secret")
	}
}
