// Package queue is the contract between the scheduler, which publishes tickets,
// and the router, which turns them into deliveries.
//
// A message is a ticket: "hand job J over, for the n-th time". The job itself,
// its order and its outcome live in the store; the queue only has to carry
// tickets at least once. Nothing rests on a broker's order or deduplication, so
// any broker with leases will do, and this package asks for no more than that:
//
//	Publish ──▶ waiting ──Receive──▶ leased ──Ack──▶ gone
//	              ▲                    │ │
//	              └──Nack, lease ends──┘ └─DeadLetter──▶ dead letters
//
// A backend is a folder beside this file that ends with a green
// queuetest.Run. Each sentence in the comment of Queue is a case there.
package queue
