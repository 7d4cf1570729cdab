package access

import (
	"errors"
	"net/url"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/session"
	"github.com/urfave/cli/v2"
)

// loginDevice shows a code and waits until somebody enters it in a browser.
func (a *commands) loginDevice(c *cli.Context, plain *client.Client) (*session.Account, error) {
	d, err := plain.AuthorizeDevice(c.Context, session.DeviceClient)
	if client.StatusOf(err) == 404 {
		return nil, fault.New(fault.Failed, "fcctl login --email ops@example.com", "this server lets nobody log in with a code: %w", err)
	}
	if err != nil {
		return nil, err
	}
	a.Say("Open %s", d.VerificationURI)
	a.Say("and enter the code %s", a.ErrInk().Bold(d.UserCode))
	a.browse(c, d)
	a.Say("Waiting …")
	s, err := plain.AwaitDevice(c.Context, session.DeviceClient, d)
	switch {
	case errors.Is(err, client.ErrDeviceDenied):
		return nil, fault.New(fault.Refused, "", "%w", err)
	case errors.Is(err, client.ErrDeviceExpired):
		return nil, fault.New(fault.Refused, "fcctl login --device, for a new code", "%w", err)
	case err != nil:
		return nil, err
	}
	stored := session.StoredOf(*s, time.Now())
	stored.Grant = session.GrantDevice
	return a.account(c.Context, plain, stored)
}

// browse opens the address for a person who sits here. The server chose it, so
// that it must be a page and nothing else that a system opens.
func (a *commands) browse(c *cli.Context, d *client.DeviceCode) {
	page := d.VerificationURIComplete
	if page == "" {
		page = d.VerificationURI
	}
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || a.Browse == nil || !a.Terminal || c.Bool("no-browser") {
		return
	}
	if err := a.Browse(u.String()); err != nil {
		a.Say("No browser could be opened: %v", err)
	}
}
