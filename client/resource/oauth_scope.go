package resource

import "strings"

// OAuthScope tells what a word of an OAuth scope is: one of OpenID Connect's
// ("openid", "profile", "email", "offline_access"), "role" or "client" with
// the name that follows, or "" for what means nothing.
func OAuthScope(word string) (kind, name string) {
	switch word {
	case "openid", "profile", "email", "offline_access":
		return word, ""
	}
	kind, name, _ = strings.Cut(word, ":")
	if (kind == "role" || kind == "client") && name != "" && scopeToken(word) {
		return kind, name
	}
	return "", ""
}

// scopeToken says whether a word has only what RFC 6749, 3.3 lets it have.
func scopeToken(word string) bool {
	for i := range len(word) {
		if c := word[i]; c < '!' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
