package work

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

func (a *commands) secretCommand() *cli.Command {
	return app.Group("secret", "rotate the signing secrets of connections",
		app.Example("", "fcctl secret rotate hooks --grace 24h"),
		&cli.Command{
			Name: "rotate", Usage: "give a connection a new signing secret", ArgsUsage: "CODE",
			Description: app.Example("The old secret signs on until its grace ends, so that receivers can change over. The new one is shown once, now.",
				"fcctl secret rotate hooks --grace 24h", "fcctl secret rotate hooks --grace 0 -o json", "fcctl secret rotate hooks --secret-stdin < secret.txt"),
			Flags: []cli.Flag{
				&cli.DurationFlag{Name: "grace", Value: 24 * time.Hour, Usage: "how long the old secret signs on, at most 168h; 0 ends it at once"},
				&cli.BoolFlag{Name: "secret-stdin", Usage: "read the new secret from standard input instead of making one", DisableDefaultText: true},
			},
			Action: a.secretRotate,
		},
	)
}

// rotated is the answer of a rotation as -o json shows it.
type rotated struct {
	ID          string         `json:"id"`
	Code        string         `json:"code"`
	Revision    int64          `json:"revision"`
	Secret      string         `json:"secret,omitempty"`
	PublicKey   string         `json:"publicKey,omitempty"`
	Fingerprint string         `json:"fingerprint"`
	Previous    []rotatedAlive `json:"previous"`
}

type rotatedAlive struct {
	Fingerprint string    `json:"fingerprint"`
	Until       time.Time `json:"until"`
}

func (a *commands) secretRotate(c *cli.Context) error {
	if err := app.Arguments(c, 1, 1, "the code of a connection"); err != nil {
		return err
	}
	grace := c.Duration("grace")
	r := client.Rotation{Grace: &grace}
	if c.Bool("secret-stdin") {
		b, err := io.ReadAll(io.LimitReader(a.In, 8192))
		if err != nil {
			return fmt.Errorf("read the secret: %w", err)
		}
		if r.Secret = resource.NewSecret(strings.TrimRight(string(b), "\r\n")); r.Secret.IsZero() {
			return errors.New("there is no secret on standard input")
		}
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	code := c.Args().First()
	got, err := cl.RotateSecret(c.Context, code, r)
	if client.StatusOf(err) == 404 {
		info, _ := resource.InfoOf(resource.KindConnection)
		return a.NoSuch(c, cl, info, code, "fcctl secret rotate")
	}
	if err != nil {
		return err
	}
	out := rotated{got.ID, got.Code, got.Revision, got.Secret.Reveal(), got.PublicKey, got.Fingerprint, []rotatedAlive{}}
	for _, p := range got.Previous {
		out.Previous = append(out.Previous, rotatedAlive{p.Secret.Fingerprint(), p.Until})
	}
	a.Say("%s", rotatedText(got, grace))
	return a.Data(c, out, func() (string, error) {
		var b strings.Builder
		if out.Secret != "" {
			fmt.Fprintf(&b, "secret      %s\n", out.Secret)
		}
		if out.PublicKey != "" {
			fmt.Fprintf(&b, "public key  %s\n", out.PublicKey)
		}
		return b.String(), nil
	})
}

// rotatedText says what has to be done now.
func rotatedText(r *client.Rotated, grace time.Duration) string {
	old := "the old one signs no more"
	if grace > 0 {
		old = "the old one signs for another " + resource.Duration(grace).String() + ", in which receivers can change over"
	}
	return fmt.Sprintf("connection %s: has the new signing secret %s; %s. Where a manifest declares the secret, give it the new one before the next apply.", r.Code, r.Fingerprint, old)
}
