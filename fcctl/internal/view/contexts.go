package view

// Context is one server that fcctl knows.
type Context struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Email    string `json:"email,omitempty"`
	Current  bool   `json:"current"`
	LoggedIn bool   `json:"loggedIn"`
	Origin   string `json:"origin,omitempty"` // why it is used
	CAFile   string `json:"caFile,omitempty"`
}

// Contexts is a table of contexts.
func Contexts(cs []Context, ink Ink) string {
	t := table{head: []string{"CURRENT", "NAME", "URL", "AS"}}
	for _, c := range cs {
		current := ""
		if c.Current {
			current = "*"
		}
		t.row(plain(current), plain(c.Name), plain(c.URL), plain(who(c)))
	}
	return t.String(ink)
}

// OneContext says which server is used, and why.
func OneContext(c Context, ink Ink) string {
	var f facts
	f.add("context", c.Name)
	f.add("url", c.URL)
	f.add("as", who(c))
	f.add("from", c.Origin)
	f.add("trusts", c.CAFile)
	return f.String(ink)
}

func who(c Context) string {
	switch {
	case !c.LoggedIn:
		return "(not logged in)"
	case c.Email == "":
		return "(a token)"
	}
	return c.Email
}
