package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

func Example() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"0HZXEQ5Y8JY50","type":"shop:sales:order:placed"}`)
	}))
	defer srv.Close()

	ctx := context.Background()
	c, err := client.New(client.Options{URL: srv.URL, Token: "…"})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := c.Events.Publish(ctx, client.NewEvent{
		Type:         "shop:sales:order:placed",
		Source:       "/shop",
		MessageGroup: "order-7",
		Data:         map[string]any{"order": 7, "total": 119.5},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.ID, p.Duplicate)
	// Output:
	// 0HZXEQ5Y8JY50 false
}

func ExampleError() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"code":"IN_USE","detail":"the connection is named by 2 subscriptions"}`)
	}))
	defer srv.Close()

	c, err := client.New(client.Options{URL: srv.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.Resources(resource.KindConnection).Delete(context.Background(), "hooks")
	var refused *client.Error
	if errors.As(err, &refused) && refused.Code == client.CodeInUse {
		fmt.Println(refused.Message)
	}
	// Output:
	// the connection is named by 2 subscriptions
}
