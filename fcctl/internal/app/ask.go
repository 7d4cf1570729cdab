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
	fmt.Fprint(a.Err, a.ErrInk().Shown(question))
	var line string
	var err error
	read := make(chan struct{})
	go func() {
		defer close(read)
		line, err = in.ReadString('\n')
	}()
	select {
	case <-read:
	case <-a.stopped:
		a.Say("")
		return "", errors.New("interrupted; nothing was done")
	}
	if errors.Is(err, io.EOF) && line == "" {
		a.Say("") // the cursor stands behind the question
		return "", errors.New("the input ended without an answer; nothing was done")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// maxSecret bounds a secret on standard input.
const maxSecret = 8192

// AskSecret reads a secret: from standard input, or from the person at the
// terminal without showing it. It never comes from a flag, which ps would show.
func (a *App) AskSecret(what string, stdin bool, try string) (string, error) {
	if stdin {
		b, err := io.ReadAll(io.LimitReader(a.In, maxSecret+1))
		if err != nil {
			return "", fmt.Errorf("read the %s: %w", what, err)
		}
		s := strings.TrimRight(string(b), "\r\n")
		if s == "" || len(b) > maxSecret {
			return "", fault.New(fault.Failed, try, "there is no %s on standard input", what)
		}
		return s, nil
	}
	if !a.Terminal {
		return "", fault.Usage("there is no terminal to ask for the "+what+" at", try)
	}
	fmt.Fprintf(a.Err, "%s: ", strings.ToUpper(what[:1])+what[1:])
	s, err := a.ReadPassword()
	a.Say("")
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	if s == "" {
		return "", fault.New(fault.Failed, "", "no %s was given", what)
	}
	return s, nil
}

// AskNewPassword reads a password that nobody has yet: at a terminal, where it is
// not shown, twice.
func (a *App) AskNewPassword(what string, stdin bool, try string) (string, error) {
	s, err := a.AskSecret(what, stdin, try)
	if err != nil || stdin {
		return s, err
	}
	again, err := a.AskSecret(what+" again", false, try)
	if err != nil {
		return "", err
	}
	if again != s {
		return "", fault.New(fault.Failed, "", "the two passwords differ; nothing was changed")
	}
	return s, nil
}
