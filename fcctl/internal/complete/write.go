package complete

import (
	"fmt"
	"io"
	"strings"
)

// files is the word that tells a script to complete the names of files.
const files = ":files"

// Write writes an answer as the script of a shell reads it: a line for each
// candidate, with what it is about after a tab.
func Write(w io.Writer, a Answer) error {
	var b strings.Builder
	if a.Files {
		b.WriteString(files + "\n")
	}
	for _, c := range a.Candidates {
		b.WriteString(c.Text)
		if c.About != "" {
			b.WriteString("\t" + strings.Join(strings.Fields(c.About), " "))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteBash writes an answer for bash, which shows no explanations, and takes
// the last word only from the last of its word breaks on: after "shop:" it
// wants to hear "sales".
func WriteBash(w io.Writer, a Answer, word, breaks string) error {
	from := 0
	for i, r := range word {
		if strings.ContainsRune(breaks, r) && strings.ContainsRune(":=", r) {
			from = i + 1
		}
	}
	for i, c := range a.Candidates {
		a.Candidates[i] = Candidate{Text: escape(c.Text[from:])}
	}
	return Write(w, a)
}

// escape is a word as one types it.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(" \t\"'\\$`!*?[](){}<>|&;#~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Split splits a line as a shell would. What is begun is the last word, which
// is empty after a space.
func Split(s string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
				continue
			}
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote = r
		case r == ' ' || r == '\t':
			if word.Len() > 0 {
				words = append(words, word.String())
				word.Reset()
			}
		default:
			word.WriteRune(r)
		}
	}
	return append(words, word.String())
}

// Shells are those that there is a script for.
var Shells = []string{"bash", "zsh", "fish", "powershell"}

// Script is the script that makes a shell complete fcctl.
func Script(shell string) (string, error) {
	s, known := scripts[shell]
	if !known {
		return "", fmt.Errorf("there is no script for the shell %q", shell)
	}
	return s, nil
}
