package view

// Ink is how text is written: its colours, and the layout and width of its
// tables. The
// zero Ink leaves both as they are.
type Ink struct {
	on     bool
	layout *Layout
	width  int // in which the rows of tables are to fit; 0 is any
}

// NewInk returns an ink that writes terminal escapes, or one that does not.
func NewInk(on bool) Ink { return Ink{on: on} }

// Laid is the ink with a layout for tables.
func (i Ink) Laid(l *Layout) Ink {
	i.layout = l
	return i
}

// Within is the ink for a terminal that is so wide; 0 is any width.
func (i Ink) Within(width int) Ink {
	i.width = width
	return i
}

// Indented is the ink for text that is set in by so much.
func (i Ink) Indented(by int) Ink {
	i.width = max(i.width-by, 0)
	return i
}

func (i Ink) paint(code, s string) string {
	if !i.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Bold, Dim, Red, Green, Yellow and Cyan are the few inks that all terminals
// have and that read on light and dark.
func (i Ink) Bold(s string) string   { return i.paint("1", s) }
func (i Ink) Dim(s string) string    { return i.paint("2", s) }
func (i Ink) Red(s string) string    { return i.paint("31", s) }
func (i Ink) Green(s string) string  { return i.paint("32", s) }
func (i Ink) Yellow(s string) string { return i.paint("33", s) }
func (i Ink) Cyan(s string) string   { return i.paint("36", s) }

// status colours a state by what it asks of the reader.
func (i Ink) status(s string) string {
	switch s {
	case "COMPLETED", "ACTIVE", "CURRENT", "SUCCESS":
		return i.Green(s)
	case "FAILED", "EXPIRED", "BAD_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "INTERNAL_ERROR":
		return i.Red(s)
	case "PAUSED", "SUSPENDED", "CANCELLED", "ARCHIVED":
		return i.Yellow(s)
	}
	return s
}
