package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// Formats are the ways in which a command can write its data.
var Formats = []string{"table", "wide", "json", "yaml", "jsonl", "name"}

// OutputFlag chooses one of them.
func OutputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table",
		Usage: "`FORMAT` of the data on stdout, where wide is a table with more columns, jsonl a line of JSON for each and name a code or id for each: " + Choice(Formats)}
}

// Choice is a list of words as a sentence has it: a, b or c.
func Choice(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// KnownFormat refuses an output format that does not exist. Others are the
// formats that only this command has.
func KnownFormat(format string, others ...string) error {
	all := append(append([]string{}, Formats...), others...)
	for _, f := range all {
		if f == format {
			return nil
		}
	}
	try := "-o " + strings.Join(all[:len(all)-1], ", -o ") + " or -o " + all[len(all)-1]
	if n := fault.Nearest(format, all); n != "" {
		try = "-o " + n
	}
	return fault.Usage(fmt.Sprintf("there is no output format %q", format), try)
}

// Wide says that a table should show all that it has. Whoever names columns
// chooses from all of them.
func Wide(c *cli.Context) bool {
	return c.String("output") == "wide" || c.String("columns") != ""
}

// ForPeople says that the data is for people: text and not a value.
func ForPeople(c *cli.Context) bool {
	o := c.String("output")
	return o == "table" || o == "wide" || o == ""
}

// Data writes the answer of a command: the table for people, or the value for
// programs.
func (a *App) Data(c *cli.Context, v any, table func() (string, error)) error {
	switch c.String("output") {
	case "json":
		return a.json(v, "  ")
	case "yaml":
		return writeYAML(a.Out, v)
	case "jsonl":
		for e := range elements(v) {
			if err := a.json(e, ""); err != nil {
				return err
			}
		}
		return nil
	case "name":
		return a.names(v)
	}
	s, err := table()
	if err != nil {
		return err
	}
	if err := a.laidOut(s); err != nil {
		return err
	}
	_, err = io.WriteString(a.Out, a.Ink().Shown(s))
	return err
}

// Item writes one of many values as it comes: a line for people, or the value
// for programs, which have one line of JSON or one document of YAML each.
func (a *App) Item(c *cli.Context, v any, line func() string) error {
	switch c.String("output") {
	case "json", "jsonl":
		return a.json(v, "")
	case "yaml":
		if _, err := io.WriteString(a.Out, "---\n"); err != nil {
			return err
		}
		return writeYAML(a.Out, v)
	case "name":
		return a.names(v)
	}
	_, err := io.WriteString(a.Out, a.Ink().Shown(line()))
	return err
}

// Listing is how a list is shown.
type Listing[T any] struct {
	// What are the elements called.
	What string
	// Table shows them to people.
	Table func([]T) string
	// Empty, if not nil, may know why there are none.
	Empty func() error
}

// List writes a list up to --limit and says if it is empty or goes on. A line
// of JSON or a name is written as soon as its page is there, so that a list of
// any length needs little memory.
func List[T any](a *App, c *cli.Context, all iter.Seq2[T, error], l Listing[T]) error {
	n, more := 0, false
	var err error
	if o := c.String("output"); o == "jsonl" || o == "name" {
		n, more, err = streamed(a, c, all)
	} else {
		var items []T
		if items, more, err = Take(c, all); err == nil && len(items) > 0 {
			err = a.Data(c, items, func() (string, error) { return l.Table(items), nil })
		}
		n = len(items)
	}
	if err != nil {
		return err
	}
	if n == 0 {
		if l.Empty != nil {
			if err := l.Empty(); err != nil {
				return err
			}
		}
		if err := a.Data(c, []T{}, func() (string, error) { return "", nil }); err != nil {
			return err
		}
	}
	a.Nothing(n, more, l.What)
	return nil
}

// streamed writes elements as they come.
func streamed[T any](a *App, c *cli.Context, all iter.Seq2[T, error]) (n int, more bool, err error) {
	limit := c.Int("limit")
	for v, err := range all {
		if err != nil {
			return n, false, err
		}
		if limit > 0 && n == limit {
			return n, true, nil
		}
		if err := a.Item(c, v, nil); err != nil {
			return n, false, err
		}
		n++
	}
	return n, false, nil
}

func (a *App) json(v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := a.Out.Write(view.EscapeJSON(b.Bytes()))
	return err
}

// elements are those of a list; anything else is one element.
func elements(v any) iter.Seq[any] {
	return func(yield func(any) bool) {
		if raw, is := v.(json.RawMessage); is {
			var list []json.RawMessage
			if json.Unmarshal(raw, &list) != nil || list == nil {
				yield(raw)
				return
			}
			v = list
		}
		r := reflect.ValueOf(v)
		if r.Kind() != reflect.Slice {
			yield(v)
			return
		}
		for i := range r.Len() {
			if !yield(r.Index(i).Interface()) {
				return
			}
		}
	}
}

// names writes what other commands call each element by.
func (a *App) names(v any) error {
	for e := range elements(v) {
		name, err := nameOf(e)
		if errors.Is(err, errNoName) {
			a.Say("There is no code or id in the answer. Try: -o json")
			return nil // what was asked for may have been done
		}
		if err != nil {
			return err
		}
		if a.OutTerminal {
			name = view.Clean(name)
		}
		if _, err := fmt.Fprintln(a.Out, name); err != nil {
			return err
		}
	}
	return nil
}

var errNoName = errors.New("it has no name")

// nameOf is the code or id of a value: what it says itself, else the first of
// the members that hold one. Rows that administer are called by their codes;
// the code of a job is only that of its event type.
func nameOf(v any) (string, error) {
	if r, is := v.(interface{ Key() string }); is && r.Key() != "" {
		return r.Key(), nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("name the answer: %w", err)
	}
	var members map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&members) != nil {
		return "", errNoName
	}
	order := []string{"pool_code", "roleName", "permission", "jobId", "id", "orderKey", "code", "name", "clientId", "revision"}
	if _, raw := v.(json.RawMessage); raw {
		order = append([]string{"email", "code"}, order...)
	}
	for _, m := range order {
		if s := fmt.Sprint(members[m]); members[m] != nil && s != "" {
			return s, nil
		}
	}
	return "", errNoName
}
