package admin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// A request is a command that is one call of the API. Most of administration
// beyond the verbs that every kind has is of that sort, and is a table of these.
type request struct {
	name, usage, about string
	args               string   // as the help shows them: "EMAIL ROLE"
	needs              string   // the same in words: "an email address and a role"
	least, most        int      // how many arguments; most -1 is any number
	try                []string // lines to type
	kind               resource.Kind
	method, path       string // {1} is the first argument
	flags              []cli.Flag
	query              map[string]string // parameters, by the flag that gives them
	// body is what the request says; item is the argument it is about, where
	// there is a request for each after the first.
	body func(c *cli.Context, item string) (any, error)
	each bool
	// prepare says more in the query.
	prepare func(c *cli.Context, cl *client.Client, q url.Values) error
	sure    string // what is asked before it is done; {1} is the first argument

	safe string // the flag with which there is nothing to ask about

	// What a person sees: a line, the facts of the answer's object, or its
	// list as a table. Secrets that are shown once follow the line.
	says    string
	facts   bool
	list    string
	columns []view.Column
	what    string // of a list: "tokens"
	// verdict is the exit of a request that was answered, by its answer.
	verdict func(json.RawMessage) error
}

func (a *commands) command(r request) *cli.Command {
	flags := r.flags
	if r.list != "" {
		flags = append(flags, &cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`; 0 is all"})
	}
	if r.sure != "" {
		flags = append(flags, app.YesFlag())
	}
	cmd := &cli.Command{Name: r.name, Usage: r.usage, ArgsUsage: r.args, Description: app.Example(r.about, r.try...), Flags: flags,
		Action: func(c *cli.Context) error { return a.send(c, r) }}
	if r.name == "list" {
		cmd.Aliases = []string{"ls"}
	}
	return cmd
}

func (a *commands) commandsOf(rs ...request) []*cli.Command {
	var out []*cli.Command
	for _, r := range rs {
		out = append(out, a.command(r))
	}
	return out
}

// send carries a request out and shows the answer.
func (a *commands) send(c *cli.Context, r request) error {
	if err := app.Arguments(c, r.least, r.most, r.needs); err != nil {
		return err
	}
	q := url.Values{}
	for parameter, flag := range r.query {
		if v := c.Value(flag); c.IsSet(flag) {
			q.Set(parameter, fmt.Sprint(v))
		}
	}
	items := []string{""}
	if r.each {
		items = c.Args().Tail()
	}
	bodies := make([]any, len(items))
	if r.body != nil {
		for i, item := range items {
			var err error
			if bodies[i], err = r.body(c, item); err != nil {
				return err
			}
		}
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	if r.prepare != nil {
		if err := r.prepare(c, cl, q); err != nil {
			return err
		}
	}
	if r.sure != "" && (r.safe == "" || !c.Bool(r.safe)) {
		if err := a.Sure(c, strings.ReplaceAll(r.sure, "{1}", strconv.Quote(c.Args().First()))); err != nil {
			return err
		}
	}
	if r.list != "" {
		return a.sendList(c, cl, r, r.at(c, ""), q)
	}
	var answer json.RawMessage
	for i, item := range items {
		if answer, err = cl.Call(c.Context, r.method, r.at(c, item), q, bodies[i]); err != nil {
			return a.missing(c, cl, r, err)
		}
	}
	var shown any = map[string]bool{"done": true}
	if len(answer) > 0 {
		shown = answer
	}
	err = a.Data(c, shown, func() (string, error) {
		if r.facts {
			return view.Object(answer, a.Ink())
		}
		return r.line(c) + "\n" + once(answer), nil
	})
	if err == nil && r.verdict != nil {
		err = r.verdict(answer)
	}
	return err
}

// at is the path of a request; {2} is the item where there are several.
func (r request) at(c *cli.Context, item string) string {
	path := r.path
	if r.each {
		path = strings.ReplaceAll(path, "{2}", url.PathEscape(item))
	}
	for i, arg := range c.Args().Slice() {
		path = strings.ReplaceAll(path, "{"+strconv.Itoa(i+1)+"}", url.PathEscape(arg))
	}
	return path
}

// says is the line that says what was done: {1} is the first argument, {2…} are
// those after it.
func (r request) line(c *cli.Context) string {
	return strings.NewReplacer("{1}", c.Args().First(), "{2}", c.Args().Get(1), "{2…}", strings.Join(c.Args().Tail(), ", ")).Replace(r.says)
}

// missing says what is not there. A 404 may be about another argument than the
// first, which the server's own words tell then.
func (a *commands) missing(c *cli.Context, cl *client.Client, r request, err error) error {
	if client.StatusOf(err) != http.StatusNotFound || r.kind == "" {
		return err
	}
	code := c.Args().First()
	if _, gone := cl.Resources(r.kind).Get(c.Context, code); client.StatusOf(gone) != http.StatusNotFound {
		return err
	}
	info, _ := resource.InfoOf(r.kind)
	return a.NoSuch(c, cl, info, code, c.Command.HelpName)
}

// sendList shows a list, page after page up to the limit.
func (a *commands) sendList(c *cli.Context, cl *client.Client, r request, path string, q url.Values) error {
	limit := c.Int("limit")
	if limit < 0 {
		return fault.Usage("--limit must not be negative", "--limit 0 for all")
	}
	rows := func(yield func(json.RawMessage, error) bool) {
		for {
			page, next, err := a.page(c, cl, r, path, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			q.Set("cursor", next)
		}
	}
	var shown error
	err := app.List(a.App, c, rows, app.Listing[json.RawMessage]{What: r.what, Table: func(rows []json.RawMessage) string {
		var table string
		table, shown = view.Rows(rows, r.columns, a.Ink())
		return table
	}})
	return cmp.Or(err, shown)
}

// page gets one page of a list, and the cursor of the next.
func (a *commands) page(c *cli.Context, cl *client.Client, r request, path string, q url.Values) ([]json.RawMessage, string, error) {
	answer, err := cl.Call(c.Context, r.method, path, q, nil)
	if err != nil {
		return nil, "", a.missing(c, cl, r, err)
	}
	rows, next, err := pageOf(answer, r.list)
	if err != nil {
		return nil, "", fmt.Errorf("read the %s: %w", r.what, err)
	}
	return rows, next, nil
}

// pageOf is the list in an answer, or the answer where that is a list itself,
// and the cursor of the next page.
func pageOf(answer json.RawMessage, name string) (rows []json.RawMessage, next string, err error) {
	if strings.HasPrefix(strings.TrimSpace(string(answer)), "[") {
		return rows, "", json.Unmarshal(answer, &rows)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(answer, &members); err != nil {
		return nil, "", err
	}
	if err := json.Unmarshal(members[name], &rows); err != nil {
		return nil, "", err
	}
	var page struct {
		Next string `json:"nextCursor"`
		More *bool  `json:"hasMore"`
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return nil, "", err
	}
	if page.More != nil && !*page.More {
		page.Next = ""
	}
	return rows, page.Next, nil
}

// rest are the arguments after the first, under a name.
func rest(name string) func(*cli.Context, string) (any, error) {
	return func(c *cli.Context, _ string) (any, error) { return map[string]any{name: c.Args().Tail()}, nil }
}

// item is the argument that a request is about, under a name.
func item(name string) func(*cli.Context, string) (any, error) {
	return func(_ *cli.Context, item string) (any, error) { return map[string]any{name: item}, nil }
}

// kindCommands are the verbs that every kind has, of one kind: `fcctl roles get
// CODE` is `fcctl get role CODE`.
func (a *commands) kindCommands(kind resource.Kind, code, set string) []*cli.Command {
	info, _ := resource.InfoOf(kind)
	one := func(verb, usage string, flags []cli.Flag, try string, do func(*cli.Context, string) error) *cli.Command {
		return &cli.Command{Name: verb, Usage: usage, ArgsUsage: "CODE", Flags: flags, Description: app.Example("", try),
			Action: func(c *cli.Context) error {
				if err := app.Arguments(c, 1, 1, "the "+kind.KeyField()+" of a "+info.Title); err != nil {
					return err
				}
				return do(c, c.Args().First())
			}}
	}
	name := nounOf(info)
	return []*cli.Command{
		{Name: "list", Aliases: []string{"ls"}, Usage: "list them by code", Flags: listFlags(), Description: app.Example("", "fcctl "+name+" list", "fcctl "+name+" list -o json"),
			Action: func(c *cli.Context) error {
				if err := app.Arguments(c, 0, 0, ""); err != nil {
					return err
				}
				return a.list(c, info)
			}},
		one("get", "show one", nil, fmt.Sprintf("fcctl %s get %s", name, code), func(c *cli.Context, code string) error {
			return a.show(c, info, code, "fcctl "+name+" get")
		}),
		one("create", "make one", fieldFlags(), fmt.Sprintf("fcctl %s create %s %s", name, code, set), func(c *cli.Context, code string) error {
			return a.make(c, info, code, nil)
		}),
		one("update", "change fields of one", updateFlags(), fmt.Sprintf("fcctl %s update %s %s", name, code, cmp.Or(set, "-f fields.json")), func(c *cli.Context, code string) error {
			return a.change(c, info, code, "fcctl "+name+" update")
		}),
		one("delete", "remove one", []cli.Flag{app.YesFlag()}, fmt.Sprintf("fcctl %s delete %s --yes", name, code), func(c *cli.Context, code string) error {
			return a.remove(c, info, code, "fcctl "+name+" delete")
		}),
	}
}

// nounOf is what the commands of a kind are under.
func nounOf(info resource.KindInfo) string {
	if info.Kind == resource.KindPrincipal {
		return "users"
	}
	return info.Collection
}
