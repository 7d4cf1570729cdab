package auth

import (
	"strings"
	"unicode/utf8"
)

// MinPassword is how many characters a password has at least, and
// MinLaxPassword where somebody else answers for its quality.
const (
	MinPassword    = 12
	MinLaxPassword = 8
)

// PasswordProblem says what is wrong with a new password; empty: nothing. As
// NIST SP 800-63B advises, length counts and a mixture of characters does not;
// what everybody tries first is refused, and so is what is about the person.
func PasswordProblem(password string, lax bool, about ...string) string {
	least := MinPassword
	if lax {
		least = MinLaxPassword
	}
	switch n := utf8.RuneCountInString(password); {
	case len(password) > maxPasswordBytes:
		return "is longer than 1024 bytes"
	case !utf8.ValidString(password):
		return "must be text in UTF-8"
	case n < least && lax:
		return "must have at least 8 characters"
	case n < least:
		return "must have at least 12 characters"
	case lax:
		return ""
	}
	plain := strings.ToLower(password)
	core := strings.Trim(plain, "0123456789!?.,;:-_*#$%&+ ")
	for _, common := range commonPasswords {
		if core == common || strings.ReplaceAll(plain, common, "") == "" {
			return "is among those that everybody tries first"
		}
	}
	if distinct(plain) < 5 {
		return "has too few different characters"
	}
	if core == "" && !strings.ContainsAny(plain, "!?.,;:-_*#$%&+ ") && sequence(plain) {
		return "is among those that everybody tries first"
	}
	for _, word := range about {
		word = strings.ToLower(word)
		if len(word) >= 4 && (core == word || strings.ReplaceAll(plain, word, "") == "") {
			return "must not be a name or an email address of its owner"
		}
	}
	return ""
}

// sequence is true of digits that count up or down.
func sequence(s string) bool {
	return strings.Contains("01234567890123456789", s) || strings.Contains("98765432109876543210", s)
}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// commonPasswords are the words of most passwords that were ever guessed; with
// digits and marks around them they are no better.
var commonPasswords = []string{
	"password", "passw0rd", "p@ssword", "p@ssw0rd", "passwort", "passphrase", "qwerty", "qwertyuiop", "qwertyuiopasdf", "azertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm",
	"1q2w3e4r5t6y", "1qaz2wsx3edc", "qazwsxedc", "letmein", "letmeinplease", "welcome", "iloveyou", "princess", "sunshine", "football", "baseball",
	"superman", "batman", "dragon", "monkey", "administrator", "admin", "root", "changeme", "changemeplease", "pleasechangeme", "secret", "topsecret", "trustno1",
	"master", "login", "guest", "default", "test", "testtest", "abc", "abcd", "abcdef", "abcdefgh", "abcdefghijkl", "company", "summer", "winter", "spring", "autumn",
	"correcthorsebatterystaple", "correct horse battery staple", "flowcatalyst",
}
