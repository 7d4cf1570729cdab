package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowcatalyst/fc/config"
)

const healthTimeout = 5 * time.Second

func healthcheckCommand() *cli.Command {
	return &cli.Command{
		Name:  "healthcheck",
		Usage: "exit 0 if a daemon is ready, 1 if not; for containers",
		Flags: []cli.Flag{&cli.StringFlag{
			Name:  "url",
			Usage: "the admin `URL`; without a path, /q/ready is asked (default: port " + config.EnvMetricsPort + ", else 9090, of this machine)",
		}},
		Action: func(c *cli.Context) error {
			u, err := readyURL(c.String("url"))
			if err != nil {
				return &usageError{err, "fcd healthcheck --url http://localhost:9090"}
			}
			return checkHealth(c.Context, u)
		},
	}
}

func readyURL(given string) (string, error) {
	if given == "" {
		port := os.Getenv(config.EnvMetricsPort)
		if port == "" {
			port = "9090"
		}
		given = "http://localhost:" + port
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is not a URL such as http://localhost:9090", given)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/q/ready"
	}
	return u.String(), nil
}

// checkHealth asks once and says why if the answer is not what it should be.
func checkHealth(ctx context.Context, u string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("not healthy: status %d", res.StatusCode)
	}
	return fmt.Errorf("not healthy: status %d: %s", res.StatusCode, strings.TrimSpace(string(body)))
}
