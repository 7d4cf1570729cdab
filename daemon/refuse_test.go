package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// api is a daemon with the API alone on a data directory.
func api(t *testing.T, dir string, log *buffer) *daemon.Daemon {
	t.Helper()
	d, err := daemon.New(parse(t, fmt.Sprintf(`
		data_dir = %q
		admin { listen = "127.0.0.1:0" }
		service "platform" { listen = "127.0.0.1:0" }`, dir)), daemon.Options{LogOutput: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop(context.Background()) })
	return d
}

func TestAPortInUseIsToldByItsBlock(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	d, err := daemon.New(parse(t, fmt.Sprintf(`
		data_dir = %q
		admin { listen = "127.0.0.1:0" }
		service "platform" { listen = %q }`, dir, taken.Addr())), daemon.Options{LogOutput: &buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Start(t.Context())
	var refused *daemon.ListenError
	if !errors.As(err, &refused) || refused.Name != "platform" {
		t.Fatalf("start: %v, want a ListenError of the platform", err)
	}
	for _, part := range []string{taken.Addr().String(), `service "platform"`, "Try:", "FC_API_PORT"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	if err := api(t, dir, &buffer{}).Start(t.Context()); err != nil {
		t.Errorf("the failed start left something open: %v", err)
	}
}

func TestASecondDaemonOnTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	first := daemontest.Start(t, "")
	err := api(t, first.DataDir, &buffer{}).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("start: %v, want it refused with the process that owns the data", err)
	}
	if err := first.Ready(t.Context()); err != nil {
		t.Errorf("the first daemon after the second was refused: %v", err)
	}
	publish(t, first)
}

func TestACorruptDatabaseIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"flowcatalyst.db", "queue.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, name)
			garbage := bytes.Repeat([]byte("this is not a database. "), 1000)
			if err := os.WriteFile(file, garbage, 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := daemon.New(parse(t, fmt.Sprintf(`
				data_dir = %q
				admin { listen = "127.0.0.1:0" }
				service "scheduler" {}`, dir)), daemon.Options{LogOutput: &buffer{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Start(t.Context()); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("start: %v, want an error that names %s", err, file)
			}
			now, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(now, garbage) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestALostSecretKeyIsNotReplaced(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	_, err := d.Client.Resources(resource.KindConnection).Create(t.Context(), &resource.Connection{
		Code: "warehouse", URL: "http://localhost:3000",
		Signing: resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Stop()
	key := filepath.Join(d.DataDir, daemon.SecretKeyFile)
	kept := key + ".away"
	if err := os.Rename(key, kept); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start must not find what the first one made
		if err := api(t, d.DataDir, &buffer{}).Start(t.Context()); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("start without the key: %v, want it refused", err)
		}
	}
	if err := os.Rename(kept, key); err != nil {
		t.Fatal(err)
	}
	d.Restart()
}

var bootstrapToken = regexp.MustCompile(`token"?[=:]"?([A-Z2-7]{40,})`)

func TestTheLogLetsTheFirstAdministratorInOnce(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &buffer{}
	found := func(d *daemon.Daemon, token, email string) int {
		body := fmt.Sprintf(`{"token":%q,"email":%q,"name":"Ada","password":"six unlikely words in a row"}`, token, email)
		res, err := http.Post(d.URL("platform")+"/auth/bootstrap", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	var tokens []string
	for range 2 { // a start without an administrator makes the token anew
		d := api(t, dir, log)
		if err := d.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := bootstrapToken.FindAllStringSubmatch(log.String(), -1)
		if len(all) != len(tokens)+1 {
			t.Fatalf("%d tokens in the log: %s", len(all), log.String())
		}
		tokens = append(tokens, all[len(all)-1][1])
		if len(tokens) == 1 {
			if err := d.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for _, c := range []struct {
			token string
			want  int
		}{{"guessed", 401}, {tokens[0], 401}, {tokens[1], 200}, {tokens[1], 401}} {
			if got := found(d, c.token, "ada@example.com"); got != c.want {
				t.Errorf("bootstrap with %.4s…: %d, want %d", c.token, got, c.want)
			}
		}
		if err := d.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d := api(t, dir, log)
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(bootstrapToken.FindAllString(log.String(), -1)); n != 2 {
		t.Errorf("%d tokens: one was made though there is an administrator", n)
	}
	c, err := client.New(client.Options{URL: d.URL("platform")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Login(t.Context(), "ada@example.com", "six unlikely words in a row"); err != nil {
		t.Errorf("log in after a restart: %v", err)
	}
}

func TestABackendThatIsNotBuiltIsRefused(t *testing.T) {
	t.Parallel()
	for name, hcl := range map[string]string{
		"a store":    `store "postgres" { url = "postgres://localhost/fc" }`,
		"two queues": "queue \"sqlite\" \"default\" {}\nqueue \"sqlite\" \"other\" {}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := daemon.New(parse(t, hcl+"\nservice \"stream\" {}"), daemon.Options{}); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}
