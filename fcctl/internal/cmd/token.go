package cmd

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func (a *App) tokenCommand() *cli.Command {
	return &cli.Command{
		Name: "token", Usage: "print a bearer token, for curl",
		Description: example("The token is refreshed first if it is about to run out.",
			`curl -H "Authorization: Bearer $(fcctl token)" http://localhost:8080/api/events`),
		Action: a.token,
	}
}

func (a *App) token(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	t, err := a.target(c)
	if err != nil {
		return err
	}
	source, err := a.tokens(t)
	if err != nil {
		return err
	}
	if source == nil {
		return fail(exitRefused, "fcctl login", "not logged in to %s", t.url)
	}
	token, err := source.Token(c.Context)
	if err != nil {
		return err
	}
	return a.data(c, map[string]string{"token": token}, func() (string, error) { return fmt.Sprintln(token), nil })
}
