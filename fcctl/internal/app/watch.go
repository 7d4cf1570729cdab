package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// How often a command is done again unless somebody says otherwise, and at
// most.
const (
	watchEvery   = 2 * time.Second
	watchFastest = 100 * time.Millisecond
)

// clearScreen puts the cursor home and clears what is below (ECMA-48).
const clearScreen = "\x1b[H\x1b[J"

// WatchFlag is --watch, or --watch=5s: a flag whose value may be left out.
type WatchFlag struct{ *cli.GenericFlag }

func newWatchFlag() WatchFlag {
	return WatchFlag{&cli.GenericFlag{Name: "watch", Value: new(optional), DefaultText: "not",
		Usage: "do it again and again until you interrupt it, each 2s or as in --watch=5s"}}
}

// TakesValue implements cli.DocGenerationFlag: it needs none.
func (WatchFlag) TakesValue() bool { return false }

// String implements cli.Flag.
func (w WatchFlag) String() string { return cli.FlagStringer(w) }

// wants says that an argument after --watch is how often.
func (WatchFlag) wants(arg string) bool {
	_, err := time.ParseDuration(arg)
	return err == nil
}

// optional is the value of a flag that may stand without one.
type optional struct{ text string }

// Set implements cli.Generic.
func (o *optional) Set(s string) error {
	o.text = s
	return nil
}

// String implements cli.Generic.
func (o *optional) String() string { return o.text }

// IsBoolFlag tells package flag that the flag needs no value.
func (o *optional) IsBoolFlag() bool { return true }

// every is how often a command is done; 0 is once.
func every(c *cli.Context) (time.Duration, error) {
	o, is := c.Generic("watch").(*optional)
	switch {
	case !is || o.text == "" || o.text == "false":
		return 0, nil
	case o.text == "true":
		return watchEvery, nil
	}
	d, err := time.ParseDuration(o.text)
	if err != nil {
		return 0, fault.Usage(fmt.Sprintf("--watch=%s is not a duration", o.text), "--watch=5s")
	}
	if d < watchFastest {
		return 0, fault.Usage(fmt.Sprintf("--watch=%s is more often than each %s", o.text, watchFastest), "--watch=2s")
	}
	return d, nil
}

// watching is a command that is done again and again.
type watching struct {
	a        *App
	c        *cli.Context
	every    time.Duration
	out, err io.Writer

	good       bool // it has been done at least once
	at         time.Time
	data, talk string
	lost       bool
}

// watch does a command until it is interrupted, which is its ordinary end. On
// a terminal each answer takes the place of the last one, elsewhere it is
// written after it. A lost connection is said, with the age of what is shown.
func (a *App) watch(c *cli.Context, every time.Duration, do cli.ActionFunc) error {
	w := &watching{a: a, c: c, every: every, out: a.Out, err: a.Err}
	defer func() { a.Out, a.Err = w.out, w.err }()
	for {
		var data, talk bytes.Buffer
		a.Out, a.Err = &data, &talk
		err := do(c)
		a.Out, a.Err = w.out, w.err
		if c.Context.Err() != nil {
			return nil
		}
		if err != nil && (!w.good || !passes(err)) {
			_, _ = io.WriteString(a.Err, talk.String()) // the error says more
			return err
		}
		if err = w.show(data.String(), talk.String(), err); err != nil {
			return err
		}
		t := time.NewTimer(every)
		select {
		case <-c.Context.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// passes says that an error may be over the next time.
func passes(err error) bool {
	var refused *client.Error
	if errors.As(err, &refused) {
		return refused.Status >= 500 || refused.Status == http.StatusTooManyRequests
	}
	var f *fault.Fault
	return !errors.As(err, &f)
}

// show shows an answer, or that there was none.
func (w *watching) show(data, talk string, failed error) error {
	now := time.Now()
	said := ""
	if failed != nil {
		message, _, _ := fault.Judge(failed)
		said = fmt.Sprintf("%s; this is %s old, trying again", message, now.Sub(w.at).Round(time.Second))
	}
	if w.a.OutTerminal {
		if failed == nil {
			w.data, w.talk = data, talk
		}
		w.remember(failed, now)
		_, err := io.WriteString(w.out, w.frame(said))
		return err
	}
	switch {
	case failed != nil && !w.lost:
		w.a.Say("%s", said)
	case failed == nil && w.lost:
		w.a.Say("The server answers again, after %s.", now.Sub(w.at).Round(time.Second))
	}
	w.remember(failed, now)
	if failed != nil {
		return nil
	}
	if talk != w.talk { // the same again says nothing
		_, _ = io.WriteString(w.err, talk)
	}
	w.talk = talk
	if ForPeople(w.c) && data != "" {
		data += "\n"
	}
	_, err := io.WriteString(w.out, data)
	return err
}

func (w *watching) remember(failed error, now time.Time) {
	w.lost = failed != nil
	if failed == nil {
		w.good, w.at = true, now
	}
}

// frame is a screen: what is done and when, and as much of the answer as there
// is room for.
func (w *watching) frame(said string) string {
	ink := w.a.Ink()
	head := ink.Dim(fmt.Sprintf("Each %s: %s   %s", w.every, strings.Join(append([]string{w.c.Command.HelpName}, w.c.Args().Slice()...), " "), w.at.UTC().Format("15:04:05")))
	if said != "" {
		head += "\n" + ink.Red(said)
	}
	lines := strings.Split(head+"\n\n"+w.data+w.talk, "\n")
	if rows := w.rows(); rows > 0 && len(lines) > rows {
		lines = append(lines[:rows-1], ink.Dim("…"))
	}
	return clearScreen + strings.Join(lines, "\n")
}

func (w *watching) rows() int {
	if w.a.Rows == nil {
		return 0
	}
	return w.a.Rows()
}
