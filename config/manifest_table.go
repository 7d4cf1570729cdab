package config

import "github.com/flowcatalyst/fc/client/resource"

// manifestKind is how blocks of one kind are read and written.
type manifestKind struct {
	// bare is a resource with nothing but its code and the defaults.
	bare  func(code string) resource.Resource
	read  func(s *section, it *item, code string) resource.Resource
	write func(mw *manifestWriter, b *block, r, usual resource.Resource)
}

// manifestKinds has every kind that resource.Declared has.
var manifestKinds = map[resource.Kind]manifestKind{
	resource.KindClient: kindOf(func(code string) *resource.Client { return &resource.Client{Identifier: code} },
		readClient, (*manifestWriter).client),
	resource.KindApplication: kindOf(func(code string) *resource.Application { return &resource.Application{Code: code} },
		readApplication, (*manifestWriter).application),
	resource.KindRole: kindOf(func(name string) *resource.Role { return &resource.Role{Name: name} },
		readRole, (*manifestWriter).role),
	resource.KindServiceAccount: kindOf(func(code string) *resource.ServiceAccount { return &resource.ServiceAccount{Code: code} },
		readServiceAccount, (*manifestWriter).serviceAccount),
	resource.KindEventType: kindOf(func(code string) *resource.EventType { return &resource.EventType{Code: code} },
		readEventType, (*manifestWriter).eventType),
	resource.KindDispatchPool: kindOf(func(code string) *resource.DispatchPool { return &resource.DispatchPool{Code: code} },
		readDispatchPool, (*manifestWriter).dispatchPool),
	resource.KindConnection: kindOf(func(code string) *resource.Connection { return &resource.Connection{Code: code} },
		readConnection, (*manifestWriter).connection),
	resource.KindSubscription: kindOf(func(code string) *resource.Subscription { return &resource.Subscription{Code: code} },
		readSubscription, (*manifestWriter).subscription),
}

// kindOf makes a row. Read and write do what the hcl tags of the type do not.
func kindOf[T resource.Resource](of func(code string) T, read func(*section, *item, T), write func(mw *manifestWriter, b *block, r, usual T)) manifestKind {
	return manifestKind{
		bare: func(code string) resource.Resource {
			r := of(code)
			r.Defaults()
			return r
		},
		read: func(s *section, it *item, code string) resource.Resource {
			r := of(code)
			it.tagged(s, "", r)
			read(s, it, r)
			r.Defaults()
			return r
		},
		write: func(mw *manifestWriter, b *block, r, usual resource.Resource) { write(mw, b, r.(T), usual.(T)) },
	}
}
