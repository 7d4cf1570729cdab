package cmd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/daemontest"
	"github.com/urfave/cli/v2"
)

// world is what the examples are about, in the order in which it is made.
const world = `
clients create acme --set name=Acme
clients create globex --set name=Globex
applications create shop --set name=Shop
applications create crm --set name=CRM
roles create shop:clerk --set 'permissions:=["shop:sales:order:view"]'
users create jo@example.com --set name=Jo --scope PARTNER
service-accounts create billing --set name=Billing
oauth-clients create bi --set clientName=BI --set clientType=CONFIDENTIAL --set 'grantTypes:=["authorization_code"]' --set 'redirectUris:=["https://bi.example.com/back"]'
anchor-domains create example.com
client-auth-configs create example.com --set configType=ANCHOR
idp-role-mappings create /Readers/platform:viewer
event-types create shop:sales:order:placed --set name='Order placed'
event-types schemas add shop:sales:order:placed -f placed.json
event-types schemas add shop:sales:order:placed -f placed.json
dispatch-pools create priority --set concurrency:=20
connections create hooks --set url=https://hooks.example.com
subscriptions create big-orders -f big-orders.json
`

// Why an example is not run here. What is read from a shell (a pipe, another
// file's redirection, a substitution) is left out without being listed.
var notRun = map[string]string{
	"needs a person or goes on until interrupted": "login|logout|receive|listen|change-password|bootstrap|events tail|jobs tail|router stats --watch|replays wait|dead-letters wait",
	"changes who runs the others":                 "context|sessions end",
	"needs a manifest, whose stories are apart":   "plan|apply|validate|fmt|diff|destroy|show|match",
	"needs an id that only a running system gives": "describe event|describe job|events get|events explain|events replay|jobs get|jobs attempts|jobs retry|jobs cancel|jobs skip|replays get|replays pause|replays resume|replays rate|replays cancel|" +
		"dead-letters get|dead-letters retry|dead-letters discard|dead-letters cancel|groups retry|groups skip|groups cancel-waiting|router breakers reset|router warnings ack|audit get|service-accounts tokens revoke|audit list --entity Subscription/|events publish|secret rotate hooks --secret-stdin",
}

func isRun(line string) bool {
	if strings.ContainsAny(line, "<|$") || strings.Contains(line, "&&") {
		return false
	}
	for _, list := range notRun {
		for prefix := range strings.SplitSeq(list, "|") {
			if strings.HasPrefix(line+" ", "fcctl "+prefix+" ") || strings.HasSuffix(prefix, "/") && strings.HasPrefix(line, "fcctl "+prefix) {
				return false
			}
		}
	}
	return true
}

// split is a line as a shell would split it.
func split(line string) []string {
	var words []string
	quoted, begun := false, false
	var word strings.Builder
	for _, r := range line {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

// The examples in the help can be pasted.
func TestTheExamplesWork(t *testing.T) {
	d := daemontest.Start(t, "")
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"placed.json": `{"type": "object"}`, "order.json": `{"total": 1}`, "big-orders.json": `{"target": "http://127.0.0.1:9/", "eventTypes": [{"eventTypeCode": "shop:*:*:*"}]}`,
		"big-order.json": `{}`, "fields.json": `{"protected": false}`, "password.txt": "Correct-Horse-7-battery\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(line string) (int, string) {
		a, _, talk := fcctl(t, "FCCTL_URL", d.URL("platform"), "FCCTL_TOKEN", d.Token(), "HOME", dir)
		a.Terminal, a.In = true, strings.NewReader("yes\n")
		a.ReadPassword = func() (string, error) { return "Correct-Horse-7-battery", nil }
		return Run(context.Background(), a, split(line)[1:]), talk.String()
	}
	a, _, _ := fcctl(t)
	var lines []string
	var walk func([]*cli.Command)
	walk = func(cs []*cli.Command) {
		for _, c := range cs {
			_, examples, _ := strings.Cut(c.Description, "Examples:\n")
			for line := range strings.SplitSeq(examples, "\n") {
				if line = strings.TrimSpace(line); strings.HasPrefix(line, "fcctl ") && isRun(line) && !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
			walk(c.Subcommands)
		}
	}
	walk(root(a).Commands)
	if len(lines) < 100 {
		t.Fatalf("only %d examples are run", len(lines))
	}
	for line := range strings.SplitSeq(strings.TrimSpace(world), "\n") {
		if code, talk := run("fcctl " + line); code != 0 {
			t.Errorf("%s: exit %d: %s", line, code, talk)
		}
	}
	// Some of them undo what others need, so that not all can succeed; none may
	// be a command that fcctl does not understand.
	done := 0
	for _, line := range lines {
		switch code, talk := run(line); code {
		case 0:
			done++
		case 64:
			t.Errorf("%s: %s", line, talk)
		}
	}
	if done < len(lines)/2 {
		t.Errorf("only %d of %d examples work", done, len(lines))
	}
}
