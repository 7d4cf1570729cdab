package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon"
)

// process is a daemon with signals and a supervisor around it.
type process struct {
	daemon *daemon.Daemon
	// reload reads the configuration again; nil where there is none, and then
	// SIGHUP, which a closing terminal sends, ends the process.
	reload func() (*config.Daemon, error)
	// started is called once the daemon is ready, ended after a clean drain.
	started func() error
	ended   func() error
}

// run serves until a signal or a failure ends it.
func (p *process) run() error {
	boundMemory()
	settle()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	d, log := p.daemon, p.daemon.Logger()
	systemd, err := openNotifier(log)
	if err != nil {
		log.Warn("systemd will not be told how this process is", "error", err)
	}
	defer systemd.close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	starting := make(chan error, 1)
	go func() { starting <- p.start(ctx) }()
	for up := false; !up; {
		select {
		case err := <-starting:
			if err != nil {
				return err
			}
			up = true
		case s := <-signals:
			if s == syscall.SIGHUP && p.reload != nil {
				continue // what is being started was read just now
			}
			return p.stop(s, starting, signals, systemd)
		}
	}
	systemd.ready()
	go systemd.watch(ctx, func(ctx context.Context) error { return live(ctx, d.URL("admin")) })
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGHUP && p.reload != nil {
				systemd.reloading()
				p.takeUp()
				systemd.ready()
				continue
			}
			return p.stop(s, nil, signals, systemd)
		case <-d.Done():
			return p.stop(nil, nil, signals, systemd)
		}
	}
}

func (p *process) start(ctx context.Context) error {
	if err := p.daemon.Start(ctx); err != nil {
		return err
	}
	if p.started == nil {
		return nil
	}
	if err := p.started(); err != nil {
		return errors.Join(err, p.daemon.Stop(ctx))
	}
	return nil
}

// stop drains, after a start that may be under way. Another signal to end the
// process does so at once.
func (p *process) stop(cause os.Signal, starting <-chan error, signals <-chan os.Signal, systemd *notifier) error {
	log := p.daemon.Logger()
	if cause != nil {
		log.Info("signal to end", "signal", cause.String())
	}
	systemd.stopping()
	stopped := make(chan error, 1)
	go func() {
		err := p.daemon.Stop(context.Background())
		if starting != nil {
			<-starting // what it says is that it was interrupted
		}
		stopped <- err
	}()
	for {
		select {
		case err := <-stopped:
			if err == nil && p.ended != nil {
				err = p.ended()
			}
			return err
		case s := <-signals:
			if n, ok := s.(syscall.Signal); ok && (s != syscall.SIGHUP || p.reload == nil) {
				log.Warn("second signal: ending at once; what is in flight is delivered again after the next start", "signal", s.String())
				return codeError(128 + int(n))
			}
		}
	}
}

// takeUp reads the configuration again and says what became of it.
func (p *process) takeUp() {
	log := p.daemon.Logger()
	cfg, err := p.reload()
	var changes []string
	if err == nil {
		changes, err = p.daemon.Reload(cfg)
	}
	if err != nil {
		var r *refusal
		if errors.As(err, &r) {
			for _, d := range r.diags {
				refused(log, "problem", d.Error(), d.Try)
			}
			return
		}
		what, try := hint(err)
		refused(log, "error", what, try)
		return
	}
	if len(changes) == 0 {
		log.Info("reloaded; nothing changed")
	}
	for _, c := range changes {
		log.Info("reloaded", "change", c)
	}
}

func refused(log *slog.Logger, key, what, try string) {
	said := []any{key, what}
	if try != "" {
		said = append(said, "try", try)
	}
	log.Error("the configuration is not taken up", said...)
}

// live asks the process itself whether it answers.
func live(ctx context.Context, admin string) error {
	if admin == "" {
		return errors.New("there is no admin listener")
	}
	return checkHealth(ctx, fmt.Sprintf("%s/q/live", admin))
}
