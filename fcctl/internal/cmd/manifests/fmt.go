package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/urfave/cli/v2"
)

// maxSource bounds what fmt reads.
const maxSource = 8 << 20

func (a *commands) fmtCommand() *cli.Command {
	return &cli.Command{
		Name: "fmt", Usage: "lay manifests out as everybody does", ArgsUsage: "[PATH…]",
		Description: app.Example("PATH is a file, a directory whose *.fc.hcl files are meant, or - for standard input, which is written to stdout. "+
			"The names of files that change are printed. A file that does not parse is left as it is, and so are all others then.",
			"fcctl fmt", "fcctl fmt -recursive -check deploy/", "fcctl fmt - < orders.fc.hcl"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "change nothing; exit 1 if something would change", DisableDefaultText: true},
			&cli.BoolFlag{Name: "diff", Usage: "show what changes", DisableDefaultText: true},
			&cli.BoolFlag{Name: "recursive", Usage: "the directories in directories too", DisableDefaultText: true},
		},
		Action: a.fmt,
	}
}

// source is a file before and after.
type source struct {
	path          string
	mode          fs.FileMode
	before, after []byte
}

func (a *commands) fmt(c *cli.Context) error {
	paths := c.Args().Slice()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	if len(paths) == 1 && paths[0] == "-" {
		return a.fmtStdin(c)
	}
	var sources []source
	var diags config.Diagnostics
	for _, p := range paths {
		if p == "-" {
			return fault.Usage("standard input cannot be formatted together with files", "fcctl fmt -")
		}
		names, err := manifestFiles(p, c.Bool("recursive"))
		if err != nil {
			return err
		}
		for _, n := range names {
			s, more, err := readSource(n)
			if err != nil {
				return err
			}
			sources, diags = append(sources, s), append(diags, more...)
		}
	}
	if err := a.show(diags); err != nil {
		return err
	}
	return a.rewrite(c, sources)
}

// rewrite writes what is laid out differently, and its names.
func (a *commands) rewrite(c *cli.Context, sources []source) error {
	changed := []string{}
	var text strings.Builder
	for _, s := range sources {
		if bytes.Equal(s.before, s.after) {
			continue
		}
		changed = append(changed, s.path)
		fmt.Fprintln(&text, s.path)
		if c.Bool("diff") {
			text.WriteString(unified(string(s.before), string(s.after), s.path, s.path+" (formatted)"))
		}
		if c.Bool("check") {
			continue
		}
		if err := session.WriteWhole(s.path, s.after, s.mode); err != nil {
			return err
		}
	}
	if err := a.Data(c, changed, func() (string, error) { return text.String(), nil }); err != nil {
		return err
	}
	if c.Bool("check") && len(changed) > 0 {
		return fault.Exit(fault.Failed)
	}
	return nil
}

func (a *commands) fmtStdin(c *cli.Context) error {
	before, err := io.ReadAll(io.LimitReader(a.In, maxSource+1))
	if err == nil && len(before) > maxSource {
		err = fmt.Errorf("it is larger than %d MiB", maxSource>>20)
	}
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	after, diags := config.Format("<stdin>", before)
	if err := a.show(diags); err != nil {
		return err
	}
	switch same := bytes.Equal(before, after); {
	case c.Bool("diff"):
		_, err = io.WriteString(a.Out, unified(string(before), string(after), "<stdin>", "<stdin> (formatted)"))
	case !c.Bool("check"):
		_, err = a.Out.Write(after)
	case !same:
		a.Say("<stdin>")
	}
	if err == nil && c.Bool("check") && !bytes.Equal(before, after) {
		return fault.Exit(fault.Failed)
	}
	return err
}

// manifestFiles are the files that a path means.
func manifestFiles(path string, recursive bool) ([]string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Failed, "fcctl fmt, for the directory that you are in", "there is no %s", path)
	}
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	var names []string
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(e.Name(), ".") && p != path
		switch {
		case err != nil:
			return err
		case e.IsDir() && p != path && (!recursive || hidden):
			return fs.SkipDir
		case !e.IsDir() && !hidden && strings.HasSuffix(p, ".fc.hcl"):
			names = append(names, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for manifests: %w", err)
	}
	return names, nil
}

// readSource reads a file and lays it out. A link is followed, so that the
// file is written and not the link.
func readSource(path string) (source, config.Diagnostics, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return source{}, nil, fmt.Errorf("read the manifest: %w", err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return source{}, nil, fmt.Errorf("read the manifest: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSource {
		return source{}, nil, fault.New(fault.Failed, "", "%s is no file of at most %d MiB", path, maxSource>>20)
	}
	before, err := os.ReadFile(real)
	if err != nil {
		return source{}, nil, fmt.Errorf("read the manifest: %w", err)
	}
	after, diags := config.Format(path, before)
	return source{path: real, mode: info.Mode().Perm(), before: before, after: after}, diags, nil
}
