package admin

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

func (a *commands) createCommand() *cli.Command {
	return &cli.Command{
		Name: "create", Usage: "make a resource of any kind", ArgsUsage: "KIND CODE",
		Description: app.Example("CODE is what people call it: a client's identifier, a principal's email address, a role's name. "+
			"What is not said gets its default. A secret that is shown once is shown now; -o json has the whole answer.",
			"fcctl create client acme --set name=Acme", "fcctl create user jo@example.com --set name=Jo --set scope=ANCHOR",
			`fcctl create service-account billing --set name=Billing --set 'roles:=["platform:viewer"]'`),
		Flags:  fieldFlags(),
		Action: a.create,
	}
}

func (a *commands) updateCommand() *cli.Command {
	return &cli.Command{
		Name: "update", Usage: "change fields of a resource of any kind", ArgsUsage: "KIND CODE",
		Description: app.Example("What is not said stays as it is. With --revision nothing is changed if somebody else was faster; the exit code is 5 then.",
			"fcctl update client acme --set name='Acme Ltd'", "fcctl update user jo@example.com --set active:=false"),
		Flags:  updateFlags(),
		Action: a.update,
	}
}

func updateFlags() []cli.Flag {
	return append(fieldFlags(), &cli.Int64Flag{Name: "revision", Usage: "only if this is its `REVISION` (get -o json shows it)", DefaultText: "any"})
}

func (a *commands) deleteCommand() *cli.Command {
	return &cli.Command{
		Name: "delete", Usage: "remove a resource of any kind", ArgsUsage: "KIND CODE",
		Description: app.Example("What others name stays: the exit code is 5, and the message says who names it.",
			"fcctl delete role shop:clerk", "fcctl delete anchor-domain example.com --yes"),
		Flags:  []cli.Flag{app.YesFlag()},
		Action: a.delete,
	}
}

// named reads the kind and the code that a command was given.
func named(c *cli.Context) (resource.KindInfo, string, error) {
	if err := app.Arguments(c, 2, 2, "a kind and a code; the kinds are "+strings.Join(app.KindNames(), ", ")); err != nil {
		return resource.KindInfo{}, "", err
	}
	info, err := app.KindOf(c.Args().First())
	return info, c.Args().Get(1), err
}

func (a *commands) create(c *cli.Context) error {
	info, code, err := named(c)
	if err != nil {
		return err
	}
	return a.make(c, info, code, nil)
}

// make makes a resource of the fields that were given, over those of its kind's
// own flags.
func (a *commands) make(c *cli.Context, info resource.KindInfo, code string, flags map[string]any) error {
	fields, err := a.fieldsOf(c)
	if err != nil {
		return err
	}
	for name, v := range flags {
		fields[name] = v
	}
	nameIt(fields, info.Kind, code)
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	answer, err := cl.Resources(info.Kind).CreateFrom(c.Context, fields)
	if err != nil {
		return err
	}
	return a.Data(c, answer, func() (string, error) { return createdLines(info, code, answer) })
}

// createdLines say what was made, and what is said only once.
func createdLines(info resource.KindInfo, code string, answer json.RawMessage) (string, error) {
	var told struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return "", fmt.Errorf("read what was created: %w", err)
	}
	lines := fmt.Sprintf("%s %s: created", info.Title, code)
	if told.ID != "" {
		lines += ", id " + told.ID
	}
	return lines + "\n" + once(answer), nil
}

// once are the lines of what an answer says only this time.
func once(answer json.RawMessage) string {
	var told struct {
		ClientSecret  string `json:"clientSecret"`
		Token         string `json:"token"`
		SigningSecret string `json:"signingSecret"`
	}
	if json.Unmarshal(answer, &told) != nil {
		return ""
	}
	lines := ""
	for _, s := range []struct{ name, value string }{
		{"client secret", told.ClientSecret}, {"token", told.Token}, {"signing secret", told.SigningSecret},
	} {
		if s.value != "" {
			lines += s.name + ", shown only now: " + s.value + "\n"
		}
	}
	return lines
}

func (a *commands) update(c *cli.Context) error {
	info, code, err := named(c)
	if err != nil {
		return err
	}
	return a.change(c, info, code, "fcctl update "+c.Args().First())
}

// change changes the fields that were given. Command is what to type before
// another code.
func (a *commands) change(c *cli.Context, info resource.KindInfo, code, command string) error {
	fields, err := a.fieldsOf(c)
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return fault.Usage("update needs to know what to change", fmt.Sprintf("%s %s --set name=TEXT", command, code))
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	revision, err := cl.Resources(info.Kind).Update(c.Context, code, fields, c.Int64("revision"))
	if client.StatusOf(err) == 404 {
		return a.NoSuch(c, cl, info, code, command)
	}
	if err != nil {
		return err
	}
	err = a.Data(c, map[string]any{"revision": revision}, func() (string, error) {
		return fmt.Sprintf("%s %s: changed, revision %d\n", info.Title, code, revision), nil
	})
	if err != nil {
		return err
	}
	// Whoever may change it may not always see it: then there is nothing to say.
	if r, err := cl.Resources(info.Kind).Get(c.Context, code); err == nil && r.Base().ManagedBy != "" {
		a.Say("Manifest %s owns it: what it declares otherwise, the next apply changes back", r.Base().ManagedBy)
	}
	return nil
}

func (a *commands) delete(c *cli.Context) error {
	info, code, err := named(c)
	if err != nil {
		return err
	}
	return a.remove(c, info, code, "fcctl delete "+c.Args().First())
}

// remove removes a resource. Command is what to type before another code.
func (a *commands) remove(c *cli.Context, info resource.KindInfo, code, command string) error {
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	if err := a.Sure(c, fmt.Sprintf("Delete the %s %q?", info.Title, code)); err != nil {
		return err
	}
	err = cl.Resources(info.Kind).Delete(c.Context, code)
	if client.StatusOf(err) == 404 {
		return a.NoSuch(c, cl, info, code, command)
	}
	if err != nil {
		return err
	}
	return a.Data(c, map[string]bool{"deleted": true}, func() (string, error) {
		return fmt.Sprintf("%s %s: deleted\n", info.Title, code), nil
	})
}
