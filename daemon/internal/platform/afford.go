package platform

import (
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/platform/allowance"
)

// afford refuses a request as a whole if one of its clients publishes more than
// it may: of a part that was accepted the sender could not tell which to send
// again. Duplicates count too, since finding out costs as much.
func (p *Platform) afford(cat *catalog.Catalog, items int, client func(i int) string) error {
	if p.allowance == nil {
		return nil
	}
	var room [4]allowance.Use // most requests are of one client
	uses := room[:0]
next:
	for i := range items {
		id := client(i)
		for j := range uses {
			if uses[j].ID == id {
				uses[j].Items++
				continue next
			}
		}
		u := allowance.Use{ID: id, Items: 1}
		if c := cat.Clients[id]; c != nil {
			u.Identifier = c.Identifier
		}
		uses = append(uses, u)
	}
	wait := p.allowance.Take(p.now(), uses...)
	if wait == 0 {
		return nil
	}
	refused := refuse(CodeTooMuch, "the client publishes more than it may, and nothing of this request was accepted; send it again later")
	refused.RetryAfter = wait
	return refused
}
