package admin

import (
	"encoding/json"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// testCommand sends a connection a test and shows what came of it.
func (a *commands) testCommand() *cli.Command {
	return &cli.Command{
		Name: "test", Usage: "send it a signed test event and show the exchange", ArgsUsage: "CODE",
		Description: app.Example("The server sends it as it would send a delivery: same network, egress rules, TLS, credentials, signature and timeouts. There is no job, nothing is tried again, and breakers do not count it; a paused connection is tested all the same. The request has the header X-FlowCatalyst-Test: true. Exit code 1 says that a delivery would not have succeeded. Ten a minute are the most.",
			"fcctl connections test hooks", "fcctl connections test hooks --type shop:sales:order:placed --data '{\"total\": 1}'", "fcctl connections test hooks -o json | jq .timing"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "type", Usage: "the event `TYPE` to send", DefaultText: "flowcatalyst:system:connection:test"},
			&cli.StringFlag{Name: "data", Usage: "its data, as `JSON`", DefaultText: "a short message"},
		},
		Action: a.connectionTest,
	}
}

func (a *commands) connectionTest(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the code of a connection"); err != nil {
		return err
	}
	t := client.ConnectionTest{Type: c.String("type")}
	if data := c.String("data"); data != "" {
		if !json.Valid([]byte(data)) {
			return fault.Usage("--data is not JSON", `--data '{"total": 1}'`)
		}
		t.Data = json.RawMessage(data)
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	code := c.Args().First()
	got, err := cl.TestConnection(c.Context, code, t)
	if client.StatusOf(err) == 404 {
		info, _ := resource.InfoOf(resource.KindConnection)
		if _, there := cl.Resources(info.Kind).Get(c.Context, code); there == nil {
			return err // no router runs there, and the message says so
		}
		return a.NoSuch(c, cl, info, code, "fcctl connections test")
	}
	if err != nil {
		return err
	}
	if err := a.Data(c, got, func() (string, error) { return view.ConnectionTested(got, time.Now(), a.Ink()), nil }); err != nil {
		return err
	}
	if !got.Success {
		return fault.New(fault.Failed, "", "connection %s: %s", got.ConnectionCode, view.WouldBe(got))
	}
	return nil
}
