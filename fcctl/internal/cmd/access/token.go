package access

import (
	"fmt"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

func (a *commands) tokenCommand() *cli.Command {
	return &cli.Command{
		Name: "token", Usage: "print a bearer token, for curl",
		Description: app.Example("The token is refreshed first if it is about to run out.",
			`curl -H "Authorization: Bearer $(fcctl token)" http://localhost:8080/api/events`),
		Action: a.token,
	}
}

func (a *commands) token(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	t, err := a.Target(c)
	if err != nil {
		return err
	}
	source, err := a.Sessions().Tokens(t)
	if err != nil {
		return err
	}
	if source == nil {
		return fault.New(fault.Refused, "fcctl login", "not logged in to %s", t.URL)
	}
	token, err := source.Token(c.Context)
	if err != nil {
		return err
	}
	return a.Data(c, map[string]string{"token": token}, func() (string, error) { return fmt.Sprintln(token), nil })
}
