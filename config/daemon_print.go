package config

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Print writes the effective configuration as HCL that reads back to the
// same values, each with where it came from. Secrets are not shown.
func (d *Daemon) Print(w io.Writer) error {
	var b bytes.Buffer
	var open []string
	for i := 0; i < len(d.Settings); {
		// A group is the run of settings of one block.
		j := i
		for j < len(d.Settings) && slices.Equal(d.Settings[j].Block, d.Settings[i].Block) {
			j++
		}
		open = d.reopen(&b, open, d.Settings[i].Block)
		printGroup(&b, d.Settings[i:j], strings.Repeat("  ", len(open)))
		i = j
	}
	d.reopen(&b, open, nil)
	_, err := w.Write(b.Bytes())
	return err
}

// reopen closes blocks down to what open and next share, and opens the rest.
func (*Daemon) reopen(b *bytes.Buffer, open, next []string) []string {
	same := 0
	for same < len(open) && same < len(next) && open[same] == next[same] {
		same++
	}
	for i := len(open) - 1; i >= same; i-- {
		fmt.Fprintf(b, "%s}\n", strings.Repeat("  ", i))
	}
	for i := same; i < len(next); i++ {
		if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("{\n")) {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "%s%s {\n", strings.Repeat("  ", i), next[i])
	}
	return next
}

func printGroup(b *bytes.Buffer, group []Setting, indent string) {
	nameWidth, valueWidth := 0, 0
	for _, s := range group {
		nameWidth = max(nameWidth, len(s.Name))
		valueWidth = max(valueWidth, len(s.Value))
	}
	for _, s := range group {
		fmt.Fprintf(b, "%s%-*s = %-*s # %s\n", indent, nameWidth, s.Name, valueWidth, s.Value, s.Origin)
	}
}
