package view

import (
	"strconv"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// ExitCodes is a table of exit codes.
func ExitCodes(ms []fault.Meaning, ink Ink) string {
	t := table{head: []string{"CODE", "MEANS"}}
	for _, m := range ms {
		t.row(plain(strconv.Itoa(m.Code)), plain(m.Means))
	}
	return t.String(ink)
}
