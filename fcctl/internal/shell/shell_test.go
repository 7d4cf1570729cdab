package shell

import "testing"

func TestAWordIsOneForAShell(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"shop:sales:order:placed": "shop:sales:order:placed", "a/b.json": "a/b.json", "shop:*:*:*": "'shop:*:*:*'",
		"it's": `'it'\''s'`, "": "''", "2 days": "'2 days'", "$HOME": "'$HOME'", "ü": "'ü'",
	} {
		if got := Quote(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
