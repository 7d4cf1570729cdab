package match_test

import (
	"encoding/json"
	"fmt"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/match"
)

func ExampleSet_Explain() {
	sub := &resource.Subscription{Code: "large-orders", EventTypes: []resource.Binding{
		{EventTypeCode: "orders:*:*:placed", Filter: "data.total > 100 && source.startsWith('/shop')"},
	}}
	set, problems := match.Compile([]*resource.Subscription{sub})
	fmt.Println(len(problems))

	e := &match.Event{Type: "orders:web:cart:placed", Source: "/shop", Data: json.RawMessage(`{"total": 42}`)}
	fmt.Println(len(set.Match(e, nil)))
	v := set.Explain(e, sub)
	fmt.Println(v.Clause + ": " + v.Detail)
	fmt.Println(v.Value)
	// Output:
	// 0
	// 0
	// filter: the filter of pattern orders:*:*:placed is false
	// data.total = 42
}
