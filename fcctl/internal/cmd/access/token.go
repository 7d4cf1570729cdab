package access

import (
	"fmt"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
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
	_, source, err := a.loggedIn(c)
	if err != nil {
		return err
	}
	token, err := source.Token(c.Context)
	if err != nil {
		return err
	}
	return a.Data(c, map[string]string{"token": token}, func() (string, error) { return fmt.Sprintln(token), nil })
}
