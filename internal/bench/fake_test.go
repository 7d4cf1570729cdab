package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestMain lets the test binary play the other two processes as well.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var err error
		switch os.Args[1] {
		case "receiver":
			err = receive(os.Stdin, os.Stdout)
		case "tui":
			err = fakeScreen(os.Getenv("BENCH_FAKE"))
		case "dev":
			err = fakeDaemon(os.Args[2:], os.Getenv("BENCH_FAKE"))
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// fakeDaemon is an fcd that keeps nothing: it delivers each event while it is
// being published. Its vice is what the bench has to find out.
func fakeDaemon(args []string, vice string) error {
	fs := flag.NewFlagSet("dev", flag.ContinueOnError)
	dir := fs.String("data-dir", "", "")
	for _, name := range []string{"listen", "router-listen", "admin-listen"} {
		fs.String(name, "", "")
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	if vice == "dies" {
		return fmt.Errorf("the disk is on fire")
	}
	l, err := net.Listen("tcp", fs.Lookup("listen").Value.String())
	if err != nil {
		return err
	}
	f := &fake{vice: vice}
	srv := &http.Server{Handler: f}
	url := "http://" + l.Addr().String()
	credentials, err := json.Marshal(map[string]string{"url": url, "routerUrl": url, "adminUrl": url, "email": "admin@example.com", "password": "secret"})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(*dir, "dev-credentials.json"), credentials, 0o600); err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		_ = srv.Close()
	}()
	if err := srv.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

type fake struct {
	vice   string
	events atomic.Int64
	urls   []string
	held   atomic.Pointer[[]byte]
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Email, Password, URL, ConnectionID, DispatchPoolID, Type string
		Items                                                    []struct{ Data json.RawMessage }
		Data                                                     json.RawMessage
		Signing                                                  struct{ Scheme, Secret string }
	}
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if r.URL.Path != "/auth/login" && r.Header.Get("Authorization") != "Bearer token" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
	}
	switch r.URL.Path {
	case "/q/ready":
		fmt.Fprint(w, `{}`)
		return
	case "/auth/login":
		fmt.Fprint(w, `{"accessToken":"token"}`)
		return
	case "/api/connections":
		if body.Signing.Scheme != "standard-webhooks" || !strings.HasPrefix(body.Signing.Secret, "whsec_") {
			http.Error(w, "no signing", http.StatusBadRequest)
			return
		}
		f.urls = append(f.urls, body.URL)
	case "/api/subscriptions":
		if body.ConnectionID != "id" || body.DispatchPoolID != "id" {
			http.Error(w, "no connection or pool", http.StatusBadRequest)
			return
		}
	case "/api/events":
		n := f.events.Add(1)
		if f.vice == "pushes back" && n%50 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		f.deliver(n, body.Data)
	case "/api/events/batch":
		for _, it := range body.Items {
			f.deliver(f.events.Add(1), it.Data)
		}
		fmt.Fprint(w, `{"results":[`+strings.TrimSuffix(strings.Repeat(`{"id":"x","status":"SUCCESS"},`, len(body.Items)), ",")+`]}`)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, `{"id":"id"}`)
}

// warm is how many events pass before a vice shows: those of the warm-up.
const warm = 64

func (f *fake) deliver(n int64, data []byte) {
	vice := f.vice
	if n <= warm || (n-warm)%40 != 20 {
		vice = ""
	}
	switch vice {
	case "loses":
		return
	case "delays":
		f.held.Store(&data)
		return
	}
	f.post(data, vice != "does not sign")
	if vice == "repeats" {
		f.post(data, true)
	}
	if late := f.held.Load(); late != nil && n > warm+60 && f.held.CompareAndSwap(late, nil) {
		f.post(*late, true)
	}
}

func (f *fake) post(data []byte, sign bool) {
	for _, url := range f.urls {
		req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(`{"id":"0","data":`+string(data)+`,"attemptNumber":1}`)))
		if err != nil {
			continue
		}
		req.Header.Set("X-FlowCatalyst-Dispatch-Job-Id", "JOB")
		if sign {
			req.Header.Set("webhook-id", "JOB")
			req.Header.Set("webhook-signature", "v1,x")
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}
}
