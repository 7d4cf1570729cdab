// Command webhook-receiver is a receiver of FlowCatalyst's webhooks: it checks
// signatures, takes each delivery once, and says what arrived.
//
//	WEBHOOK_SECRET=whsec_… go run ./examples/webhook-receiver -listen 127.0.0.1:3000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client/webhook"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:3000", "address to listen on")
	flag.Parse()
	secret := os.Getenv("WEBHOOK_SECRET")
	if secret == "" {
		log.Fatal("WEBHOOK_SECRET is not set: it is the secret of the connection that points here")
	}
	srv := &http.Server{Addr: *listen, Handler: newReceiver(secret, os.Stdout), ReadHeaderTimeout: 5 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			log.Print(err)
		}
	})
	log.Printf("receiving on http://%s", *listen)
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// newReceiver verifies each delivery and hands it on once. FlowCatalyst
// delivers at least once: a delivery whose answer was lost comes again, under
// the same job id. A real receiver keeps the ids where it keeps its data.
func newReceiver(secret string, out io.Writer) http.Handler {
	var mu sync.Mutex
	seen := map[string]bool{}
	v := webhook.Verifier{Secrets: []string{secret}}
	return webhook.Handler(v, func(_ context.Context, d *webhook.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		if seen[d.DispatchJobID] {
			return nil // done before; say so again
		}
		// Here is where your work goes. An error makes FlowCatalyst try
		// again; webhook.Later asks it to without counting.
		if _, err := fmt.Fprintf(out, "%s (attempt %d): %s\n", d.EventType, d.Attempt, d.Data); err != nil {
			return err
		}
		seen[d.DispatchJobID] = true
		return nil
	})
}
