package app

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// YesFlag lets a script do what a person is asked about.
func YesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask", DisableDefaultText: true}
}

// Sure asks before something that can not be taken back.
func (a *App) Sure(c *cli.Context, question string) error {
	if c.Bool("yes") {
		return nil
	}
	if !a.Terminal {
		return fault.New(fault.Failed, "--yes, once you are sure", "there is no terminal to ask at; nothing was done")
	}
	answer, err := a.Ask(bufio.NewReader(a.In), question+" Only \"yes\" does: ")
	if err != nil {
		return err
	}
	if strings.ToLower(answer) != "yes" {
		return fault.New(fault.Failed, "", "not approved; nothing was done")
	}
	return nil
}

// Ask asks the person at the terminal for a line.
func (a *App) Ask(in *bufio.Reader, question string) (string, error) {
	fmt.Fprint(a.Err, question)
	line, err := in.ReadString('\n')
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}
