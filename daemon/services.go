package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/daemon/internal/api"
	"github.com/flowcatalyst/fc/daemon/internal/api/cors"
	"github.com/flowcatalyst/fc/daemon/internal/bulk"
	"github.com/flowcatalyst/fc/daemon/internal/federation"
	"github.com/flowcatalyst/fc/daemon/internal/oauth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/platform/allowance"
	"github.com/flowcatalyst/fc/daemon/internal/retention"
	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
	"github.com/flowcatalyst/fc/daemon/internal/scheduler"
	"github.com/flowcatalyst/fc/daemon/internal/signin"
	"github.com/flowcatalyst/fc/daemon/internal/stream"
)

// openServices starts what is declared: who gives work to whom comes last, so
// that the drain begins where work comes in.
func (d *Daemon) openServices(ctx context.Context, p *parts) error {
	who, err := d.openIdentity(ctx, p)
	if err != nil {
		return err
	}
	rules, err := platform.New(platform.Options{Store: p.store, Sealer: p.sealer, Catalog: p.catalog, Logger: d.part("platform"),
		Directory: who.directory, Passwords: who.passwords, Sessions: who.sessions,
		Warnings: p.warnings, Registerer: d.reg, UnknownTypes: unknownTypes(p.cfg.Platform), Publishing: publishing(p.cfg.Platform)})
	if err != nil {
		return err
	}
	if p.cfg.Router != nil {
		if err := d.openRouter(p, rules); err != nil {
			return err
		}
	}
	if c := p.cfg.Scheduler; c != nil {
		s, err := scheduler.New(scheduler.Options{
			Store: p.store, Queue: p.queue, Catalog: p.catalog,
			BatchSize: c.BatchSize, PollInterval: c.PollInterval, StaleAfter: c.StaleAfter, Warnings: p.warnings,
			Logger: d.part("scheduler"), Registerer: d.reg,
		})
		if err != nil {
			return err
		}
		d.run("scheduler", s, nil)
	}
	if c := p.cfg.Stream; c != nil {
		s, err := stream.New(stream.Options{
			Store: p.store, Catalog: p.catalog, BatchSize: c.BatchSize, Logger: d.part("stream"), Registerer: d.reg,
		})
		if err != nil {
			return err
		}
		d.run("stream", s, nil)
		// Replays fan events out a second time, so they live with the stream.
		b, err := bulk.New(bulk.Options{Store: p.store, Catalog: p.catalog, Logger: d.part("bulk"), Registerer: d.reg})
		if err != nil {
			return err
		}
		d.run("bulk", b, nil)
	}
	if err := d.openRetention(p); err != nil {
		return err
	}
	if p.cfg.Platform != nil {
		if err = d.openPlatform(ctx, p, rules, who); err != nil {
			return err
		}
	}
	if c := p.cfg.Router; c != nil {
		if !c.Auth {
			who.tokens = nil
		}
		return d.openRouterDoor(p, rules, who)
	}
	return nil
}

func (d *Daemon) openRouter(p *parts, rules *platform.Platform) error {
	subscriptions, _ := resource.InfoOf(resource.KindSubscription)
	e := p.cfg.Router.Egress
	var proxy *url.URL
	if e.Proxy.Known() {
		var err error
		if proxy, err = url.Parse(e.Proxy.Reveal()); err != nil {
			return errors.New("read proxy of the egress block: it is not a URL") // the error would quote its password
		}
	}
	jobs, err := d.measured(p.store)
	if err != nil {
		return err
	}
	r, err := router.New(router.Options{
		Store: jobs, Queue: p.queue, Catalog: p.catalog, Holds: p.store, Wakes: p.store.Wakes(),
		QueueName: p.cfg.Queues[0].Name, Instance: instance(), Version: d.version,
		Egress: courier.Egress{DenyPrivate: e.DenyPrivate, AllowCIDRs: e.AllowCIDRs, HTTPSOnly: e.HTTPSOnly, Proxy: proxy},
		OnGone: func(ctx context.Context, id string) error {
			_, err := rules.SetStatus(ctx, platform.System(), subscriptions, id, "", resource.SubscriptionPaused, "PAUSE")
			return err
		},
		Warnings: p.warnings, Logger: d.part("router"), Registerer: d.reg,
	})
	if err != nil {
		return err
	}
	// Four fifths of the time are for receivers to answer, the rest is for
	// writing down what they said. The router reads both when it drains.
	d.run("router", r, func(left time.Duration) {
		r.WriteTimeout = max(left/5, 100*time.Millisecond)
		r.ShutdownTimeout = max(left-r.WriteTimeout-left/10, time.Millisecond)
	})
	return d.watch(p, r)
}

// openRetention starts what removes the old. It belongs to the store and not
// to a service: whichever process runs, short-lived records end.
func (d *Daemon) openRetention(p *parts) error {
	c := p.cfg.Retention
	clients := make(map[string]retention.Ages, len(c.Clients))
	for name, ages := range c.Clients {
		clients[name] = retention.Ages(ages)
	}
	k, err := retention.New(retention.Options{
		Store: p.store, Catalog: p.catalog, Ages: retention.Ages(c.Ages), Clients: clients,
		Warnings: p.warnings, Logger: d.part("retention"), Registerer: d.reg,
	})
	if err != nil {
		return err
	}
	d.run("retention", k, nil)
	return nil
}

func unknownTypes(c *config.Platform) string {
	if c == nil {
		return platform.UnknownAccept
	}
	return c.UnknownEventTypes
}

// publishing are the limits of clients as they are configured.
func publishing(c *config.Platform) (l allowance.Limits) {
	if c == nil {
		return l
	}
	of := func(p config.PublishLimit) allowance.Limit {
		return allowance.Limit{PerSecond: p.Rate.PerSecond(), Burst: float64(p.Burst)}
	}
	l = allowance.Limits{General: of(c.PublishLimit), Clients: make(map[string]allowance.Limit, len(c.ClientLimits))}
	for client, p := range c.ClientLimits {
		l.Clients[client] = of(p)
	}
	return l
}

// instance names this process among routers.
func instance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%s-%d-%x", host, os.Getpid(), time.Now().UnixNano()&0xffffff)
}

func (d *Daemon) openPlatform(ctx context.Context, p *parts, rules *platform.Platform, who identity) error {
	keys, err := p.keys()
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.reloadKeys = keys.Reload
	l := d.listeners["platform"]
	d.mu.Unlock()
	post, err := d.openMail(p.cfg.Mail)
	if err != nil {
		return err
	}
	people, err := signin.New(signin.Options{Platform: rules, Store: p.store, Directory: who.directory, Sessions: who.sessions,
		Passwords: who.passwords, Mail: post, PublicURL: who.publicURL, Logger: d.part("signin")})
	if err != nil {
		return err
	}
	providers, err := federation.New(federation.Options{Platform: rules, Store: p.store, Directory: who.directory, Sessions: who.sessions,
		PublicURL: who.publicURL, Logger: d.part("federation")})
	if err != nil {
		return err
	}
	if n, err := rules.ConvertPrincipals(ctx); err != nil {
		return err
	} else if n > 0 {
		d.log.Info("brought the people of an earlier build into today's form", "count", n)
	}
	if err := rules.EnsureDefaults(ctx); err != nil {
		return fmt.Errorf("make what always exists: %w", err)
	}
	if err := d.seed(ctx, rules, people, who.publicURL); err != nil {
		return err
	}
	server, err := oauth.New(oauth.Options{Store: p.store, Directory: who.directory, Sessions: who.sessions, Tokens: who.tokens, Revoked: who.revoked, Logger: d.part("oauth")})
	if err != nil {
		return err
	}
	h, err := api.New(api.Options{
		Platform: rules, SignIn: people, OAuth: server, Federation: providers, Tokens: who.tokens, Revoked: who.revoked, Keys: keys, PublicURL: who.publicURL, TrustedProxies: p.cfg.Platform.TrustedProxies,
		Logger: d.part("api"), Registerer: d.reg, MaxBatch: p.cfg.Platform.MaxBody, Version: d.version,
		Entries: p.store,
		CORS:    cors.New(cors.Policy{Origins: p.cfg.Platform.CORS.AllowedOrigins, Credentials: p.cfg.Platform.CORS.Credentials, MaxAge: p.cfg.Platform.CORS.MaxAge}),
		Monitor: p.monitor, Closing: d.Done(),
	})
	if err != nil {
		return err
	}
	d.serve(l, h)
	d.health.Add("platform", func(context.Context) error { return nil })
	d.undo.add("API", func() error { return d.closeListener(l) })
	return nil
}

// runner is a service.
type runner interface {
	Run(ctx context.Context) error
}

// run starts a service. Before it is asked to drain, drain is told how much
// time is left.
func (d *Daemon) run(name string, r runner, drain func(left time.Duration)) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var result error
	d.health.Add(name, func(context.Context) error {
		select {
		case <-ended:
			if ctx.Err() == nil {
				return errors.New("it has ended by itself")
			}
		default:
		}
		return nil
	})
	go func() {
		defer close(ended)
		result = r.Run(ctx)
		if ctx.Err() == nil {
			d.fail(fmt.Errorf("the %s ended by itself: %w", name, orUnsaid(result)))
		}
	}()
	d.undo.add(name, func() error {
		left := time.Until(d.drainBy)
		if drain != nil {
			drain(left)
		}
		cancel()
		late := time.NewTimer(max(left, 100*time.Millisecond))
		defer late.Stop()
		select {
		case <-ended:
			return result
		case <-late.C:
			return errors.New("it did not drain in time; what it held is delivered again after the next start")
		}
	})
}

func orUnsaid(err error) error {
	if err == nil {
		return errors.New("it gave no reason")
	}
	return err
}
