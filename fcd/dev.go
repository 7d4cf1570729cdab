package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon"
)

// credentialsFile is what `fcd dev` leaves in its data directory while it
// runs.
const credentialsFile = "dev-credentials.json"

func devCommand() *cli.Command {
	return &cli.Command{
		Name:  "dev",
		Usage: "run everything in one process, with nothing to set up",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "data-dir", Usage: "keep data in this `DIRECTORY` (default: " + config.EnvDataDir + ", else ./.fc)"},
			&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` of the API (default: 127.0.0.1:8080)"},
			&cli.StringFlag{Name: "router-listen", Usage: "`ADDRESS` of the router (default: 127.0.0.1:8081)"},
			&cli.StringFlag{Name: "admin-listen", Usage: "`ADDRESS` of health and metrics (default: 127.0.0.1:9090)"},
		},
		Action: dev,
	}
}

func dev(c *cli.Context) error {
	began := time.Now()
	cfg, diags := config.DevDaemon(c.String("data-dir"), os.LookupEnv)
	if diags.HasErrors() {
		return &refusal{diags}
	}
	if err := available(cfg); err != nil {
		return err
	}
	if err := listenFlags(c, cfg); err != nil {
		return err
	}
	d, err := daemon.New(cfg, daemon.Options{LogOutput: c.App.ErrWriter, Version: version, Dev: true})
	if err != nil {
		return err
	}
	var notes devNotes
	p := &process{
		daemon: d,
		started: func() error {
			if err := notes.write(cfg.DataDir, d); err != nil {
				return err
			}
			return welcome(c.App.Writer, cfg.DataDir, d, notes.other, time.Since(began))
		},
		ended: notes.remove,
	}
	err = p.run()
	var taken *daemon.ListenError
	switch {
	case !errors.As(err, &taken):
		return err
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: %w; is another fcd dev running? Try: fcd dev --listen 127.0.0.1:0 --router-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0, which takes free ports", taken.Address, taken.Err)
	}
	flag := map[string]string{"platform": "listen", "router": "router-listen", "admin": "admin-listen"}[taken.Name]
	return fmt.Errorf("--%s: %w. Try: fcd dev --%s 127.0.0.1:0, which takes a free port", flag, taken.Err, flag)
}

// listenFlags takes the addresses of the command line into the configuration.
func listenFlags(c *cli.Context, cfg *config.Daemon) error {
	for _, f := range []struct {
		name, example string
		into          *string
	}{
		{"listen", "127.0.0.1:8080", &cfg.Platform.Listen},
		{"router-listen", "127.0.0.1:8081", &cfg.Router.Listen},
		{"admin-listen", "127.0.0.1:9090", &cfg.Admin.Listen},
	} {
		if !c.IsSet(f.name) {
			continue
		}
		at := c.String(f.name)
		_, port, err := net.SplitHostPort(at)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			try := f.example
			if _, err := strconv.ParseUint(at, 10, 16); err == nil {
				try = "127.0.0.1:" + at
			}
			return &usageError{fmt.Errorf("--%s %q is no address to listen on, which is host:port with a port up to 65535", f.name, at), "fcd dev --" + f.name + " " + try}
		}
		*f.into = at
		if f.into == &cfg.Platform.Listen {
			cfg.Platform.PublicURL = "" // it follows the address
		}
	}
	return nil
}

// welcome says where everything is. Other is the URL of another `fcd dev`, which
// fcctl goes to by itself.
func welcome(w io.Writer, dataDir string, d *daemon.Daemon, other string, took time.Duration) error {
	next := "In another terminal, type:\n\n  fcctl get subscriptions"
	if other != "" {
		next = fmt.Sprintf("Another fcd dev answers at %s, and fcctl goes there. To this one it goes\nin a terminal where you type:\n\n  export FCCTL_URL=%s\n  fcctl login --email %s",
			other, d.URL("platform"), d.Credentials().Email)
	}
	_, err := fmt.Fprintf(w, `FlowCatalyst %s is ready after %s.

  API      %s
  Router   %s
  Admin    %s/health
  Data     %s
  Log in   %s, password in %s

%s

`, version, took.Round(time.Millisecond), d.URL("platform"), d.URL("router"), d.URL("admin"),
		dataDir, d.Credentials().Email, filepath.Join(dataDir, credentialsFile), next)
	return err
}

// devNotes are the files that let fcctl and tests find a running `fcd dev`.
type devNotes struct {
	content []byte
	files   []string
	// other is the URL of one that runs already, and that fcctl finds instead.
	other string
}

func (n *devNotes) write(dataDir string, d *daemon.Daemon) error {
	who := d.Credentials()
	content, err := json.MarshalIndent(map[string]string{
		"url": d.URL("platform"), "routerUrl": d.URL("router"), "adminUrl": d.URL("admin"),
		"email": who.Email, "password": who.Password, "accessToken": who.AccessToken,
	}, "", "  ")
	if err != nil {
		return err
	}
	n.content = append(content, '\n')
	files := []string{filepath.Join(dataDir, credentialsFile)}
	state, err := stateHome()
	if err != nil {
		d.Logger().Warn("fcctl will not find this process by itself", "error", err)
	} else if found := filepath.Join(state, "flowcatalyst", "dev.json"); !n.taken(found) {
		files = append(files, found)
	}
	for _, f := range files {
		if err := writePrivate(f, n.content); err != nil {
			return fmt.Errorf("write the credentials of fcd dev: %w", err)
		}
		n.files = append(n.files, f)
	}
	return nil
}

// taken says whether a file is that of another `fcd dev` that still answers. One
// that was killed leaves its file.
func (n *devNotes) taken(file string) bool {
	var found struct{ URL string }
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &found) != nil {
		return false
	}
	u, err := url.Parse(found.URL)
	if err != nil {
		return false
	}
	c, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close() // that it was there is the answer
	n.other = found.URL
	return true
}

// remove takes the files away, unless another `fcd dev` has written them
// since.
func (n *devNotes) remove() error {
	var errs []error
	for _, f := range n.files {
		now, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Equal(now, n.content) {
			continue
		}
		if err == nil {
			err = os.Remove(f)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// stateHome is XDG_STATE_HOME of the XDG base directory specification.
func stateHome() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state"), nil
}

// writePrivate replaces a file as a whole; only its owner may read it.
func writePrivate(file string, content []byte) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".dev-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error above is the one to tell
	}
	return err
}
