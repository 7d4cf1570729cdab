package cmd

import (
	"cmp"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/complete"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/flowcatalyst/fc/fcctl/internal/wire"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/urfave/cli/v2"
)

const (
	// completeCommand is what the scripts of shells call. It is no command of
	// the tree: its arguments are a command line that is not finished.
	completeCommand = "__complete"
	// completePatience is how long somebody waits after TAB.
	completePatience = 800 * time.Millisecond
	// maxNames bounds the names that are looked through.
	maxNames = 1000
)

// completeWords answers a shell. It never asks, never fails loudly and takes
// no longer than its patience: nothing is better than a late answer.
func completeWords(ctx context.Context, a *app.App, args []string) {
	ctx, cancel := context.WithTimeout(ctx, completePatience)
	defer cancel()
	quiet := *a
	quiet.Out, quiet.Err, quiet.Terminal = io.Discard, io.Discard, false
	answered := make(chan func(io.Writer) error, 1)
	go func() {
		defer func() { _ = recover() }()
		answered <- completion(ctx, &quiet, args)
	}()
	select {
	case write := <-answered:
		if write != nil {
			_ = write(a.Out) // a shell that does not listen has gone on
		}
	case <-ctx.Done():
	}
}

func completion(ctx context.Context, a *app.App, args []string) func(io.Writer) error {
	if len(args) == 0 {
		return nil
	}
	shell, words, breaks := args[0], args[1:], ""
	if shell == "bash" {
		if len(words) != 2 {
			return nil
		}
		breaks, words = words[0], complete.Split(words[1])
		words = words[1:] // after fcctl itself
	}
	if shell == "powershell" {
		for i, w := range words {
			words[i] = strings.Trim(w, `"'`)
		}
	}
	tree := root(a)
	answer := complete.Complete(tree, words, &live{ctx: ctx, app: a, tree: tree, words: words})
	if shell != "bash" {
		return func(w io.Writer) error { return complete.Write(w, answer) }
	}
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	return func(w io.Writer) error { return complete.WriteBash(w, answer, last, breaks) }
}

// live finds names on the server, in the file of contexts and in manifests.
type live struct {
	ctx   context.Context
	app   *app.App
	tree  *cli.App
	words []string
}

// Codes implements complete.Live.
func (l *live) Codes(kind resource.Kind) []string {
	k := l.app.Sessions()
	k.Wire = wire.Options{Timeout: completePatience, CAFile: cmp.Or(l.flag("ca-file"), l.app.Getenv("FCCTL_CA_FILE"))}
	t, err := k.Target(session.Flags{URL: l.flag("url"), Token: l.flag("token"), Context: l.flag("context")})
	if err != nil {
		return nil
	}
	c, err := k.Glance(l.ctx, t)
	if err != nil {
		return nil
	}
	var codes []string
	for r, err := range c.Resources(kind).List(l.ctx, client.ResourceFilter{PageSize: 200}) {
		if err != nil || len(codes) == maxNames {
			break
		}
		codes = append(codes, r.Key())
	}
	return codes
}

// flag is the value of one of fcctl's own flags among the words.
func (l *live) flag(name string) string {
	for i, w := range l.words {
		if !strings.HasPrefix(w, "-") {
			continue
		}
		n, value, has := strings.Cut(strings.TrimLeft(w, "-"), "=")
		switch {
		case n != name:
		case has:
			return value
		case i+2 < len(l.words): // the last word is not finished
			return l.words[i+1]
		}
	}
	return ""
}

// Contexts implements complete.Live.
func (l *live) Contexts() []string {
	k := l.app.Sessions()
	f, err := k.Contexts()
	if err != nil {
		return nil
	}
	names := slices.Sorted(maps.Keys(f.Contexts))
	if dev, err := k.Running(); err == nil && dev != nil && !slices.Contains(names, session.DevContext) {
		names = append(names, session.DevContext)
	}
	return names
}

// Targets implements complete.Live. A manifest that is not finished has what
// can be read of it.
func (l *live) Targets(path string) []string {
	if path == "" {
		path = "."
	}
	names := []string{path}
	if info, err := os.Stat(path); err != nil {
		return nil
	} else if info.IsDir() {
		if names, err = filepath.Glob(filepath.Join(path, "*.fc.hcl")); err != nil {
			return nil
		}
	}
	var targets []string
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		f, _ := hclsyntax.ParseConfig(b, name, hcl.InitialPos)
		body, is := f.Body.(*hclsyntax.Body)
		if !is {
			continue
		}
		for _, block := range body.Blocks {
			if _, known := resource.ParseKind(block.Type); known && len(block.Labels) == 1 {
				targets = append(targets, block.Type+"."+block.Labels[0])
			}
		}
	}
	return targets
}
