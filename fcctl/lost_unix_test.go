//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// A session that ends at the server while the screen is open is begun again
// with the password, on the page where it ended.
func TestTheScreenAsksForThePasswordWhenTheSessionEnds(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	who, home := d.Credentials(), t.TempDir()
	login := func() {
		t.Helper()
		c := exec.Command("fcctl", "login", "--email", who.Email, "--password-stdin", "--url", d.URL("platform"), "--context", "here")
		c.Env, c.Stdin = append(os.Environ(), "HOME="+home, "GORACE="+quick), strings.NewReader(who.Password)
		if said, err := c.CombinedOutput(); err != nil {
			t.Fatalf("log in: %v: %s", err, said)
		}
	}
	login()
	s := sitWith(t, "HOME="+home)
	s.press("c").sees("no connection")
	endOthers(t, d.Client)
	s.sees("Signed out. Password:")
	s.press("w", "r", "o", "n", "g", "enter").sees("email or password is wrong. Password:")
	s.press(strings.Split(who.Password, "")...).press("enter").sees("signed in", "● live", "no connection")
	s.press("q").sees("What needs you", "✓ nothing")

	// So it is where somebody logs in again in another terminal.
	endOthers(t, d.Client)
	s.sees("Signed out. Password:")
	s.press("esc").sees("ctrl+r asks for the password")
	login()
	s.sees("● live", "✓ nothing")
}

// endOthers ends all sessions of who the client speaks for, but its own.
func endOthers(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := context.Background()
	raw, err := c.Call(ctx, http.MethodGet, "/auth/sessions", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Sessions []struct {
			ID      string
			Current bool
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	ended := 0
	for _, s := range answer.Sessions {
		if s.Current {
			continue
		}
		if _, err := c.Call(ctx, http.MethodDelete, "/auth/sessions/"+url.PathEscape(s.ID), nil, nil); err != nil {
			t.Fatal(err)
		}
		ended++
	}
	if ended == 0 {
		t.Fatalf("there is no other session in %s", raw)
	}
}

// A server that goes and comes back is lost for as long, and then there again.
func TestTheScreenComesBackWithTheServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	d := daemontest.Start(t, fmt.Sprintf("admin {\n listen = \"127.0.0.1:0\"\n}\nservice \"platform\" {\n listen = %q\n}\nservice \"stream\" {}\nservice \"scheduler\" {}\nservice \"router\" {}\n", address))
	s := sit(t, d)
	s.press("e").sees("no event")
	d.Stop()
	s.sees("✗ lost for", "trying again: the server refuses the connection")
	s.sees("✗ lost for 2s")
	d.Restart()
	s.sees("● live")
	if _, err := d.Client.Events.Publish(context.Background(), client.NewEvent{Type: "shop:sales:order:placed"}); err != nil {
		t.Fatal(err)
	}
	s.sees("shop:sales:order:placed")
}
