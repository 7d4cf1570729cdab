package resource

import (
	"fmt"
	"strings"
	"testing"
)

func TestSecretInAnUnexportedFieldIsNotPrinted(t *testing.T) {
	t.Parallel()
	holder := struct{ hidden Secret }{NewSecret("whsec_tell-nobody")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, holder); strings.Contains(got, "tell-nobody") {
			t.Errorf("%s prints the secret", verb)
		}
	}
}
