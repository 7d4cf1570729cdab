package queue

import (
	"context"
	"errors"
	"time"
)

// Errors that callers may distinguish. Every other error means that the broker
// could not be reached or written: the verb may be repeated as it is.
var (
	// ErrClosed comes from every verb after Close.
	ErrClosed = errors.New("the queue is closed")
	// ErrUnsupported comes from a verb the broker has no way to do.
	ErrUnsupported = errors.New("the broker cannot do this")
	// ErrInvalid comes from Publish for a message no receiver could use;
	// repeating it is of no use.
	ErrInvalid = errors.New("the message is not valid")
	// ErrTooLarge comes from Publish for a message above Features.MaxBytes.
	ErrTooLarge = errors.New("the message is larger than the broker allows")
	// ErrGone comes from Redrive for a letter that is not there any more.
	ErrGone = errors.New("the dead letter is not there any more")
	// ErrLeaseLost comes from Extend when a lease has already ended.
	ErrLeaseLost = errors.New("the lease has ended")
)

// Features says what one opened queue can do beyond carrying messages, and
// within which limits.
type Features struct {
	// Visibility is how long a lease lasts unless it is extended.
	Visibility time.Duration
	// Linger is how long a ticket may live in memory alone: a crash may take
	// those that were published so shortly before it. Zero: none.
	Linger time.Duration
	// MaxBytes bounds one encoded message.
	MaxBytes int
	// Peek: the broker can show messages without leasing them.
	Peek bool
	// DeadLetters: dead letters can be listed through this connection.
	DeadLetters bool
	// InOrder: messages that were never returned come in the order published.
	InOrder bool
}

// A Queue carries messages at least once. All verbs may be called from many
// goroutines at once. Time spent in a verb is bounded by its context; a verb
// whose caller stopped waiting may still take effect.
type Queue interface {
	// Features never changes during the life of a queue.
	Features() Features

	// Publish makes all messages durable to the broker's measure before it
	// returns nil, and they survive a crash of this process after that. Where
	// Features.Linger is above zero, a crash may take tickets (messages with a
	// JobID) that were published less than Linger before it; the store they
	// point into makes up for them. Foreign messages it never takes. With an
	// error some of them may have been taken, so the whole batch may be
	// published again. The same id published twice may be received twice. A
	// batch with an ErrInvalid or ErrTooLarge message publishes nothing. An
	// empty batch is nil. The payload and headers of a published message
	// belong to the queue: do not change them.
	Publish(ctx context.Context, messages []Message) error

	// Receive leases up to max messages (at least one is asked for). It
	// returns as soon as there is one, without waiting for more; with none it
	// waits up to wait and then returns none and no error. A wait of zero
	// returns at once. When ctx ends first, it returns ctx.Err() and holds no
	// lease. A leased message is not received by anyone else until its lease
	// ends: by Nack, after Visibility or what Extend made of it, or with the
	// connection that received it. A message whose body cannot be decoded is
	// received all the same, with Err set and the body in Raw. The payload
	// and headers of a received message are to be read only.
	Receive(ctx context.Context, max int, wait time.Duration) ([]Received, error)

	// Ack takes messages away for good; after nil they do not come back, not
	// even after a crash. It may be repeated. An Ack after its lease ended is
	// no error: it may take the message away as long as nobody else has
	// received it, and does nothing to someone else's lease.
	Ack(ctx context.Context, received []Received) error

	// Nack ends the lease and lets the message be received again after delay.
	// Connection loss may shorten the delay. A Nack after its lease ended
	// does nothing and is no error.
	Nack(ctx context.Context, received []Received, delay time.Duration) error

	// Extend lets the leases end d from now, whatever was left. Where some
	// leases have ended already the others are extended and the error is
	// ErrLeaseLost.
	Extend(ctx context.Context, received []Received, d time.Duration) error

	// DeadLetter moves messages to the dead letters in one step: at any
	// moment, crash included, a message is in the queue or among the dead
	// letters. It takes Received and Reason of each. When its lease has ended
	// and someone else has received it, the message stays in the queue.
	DeadLetter(ctx context.Context, letters []DeadLetter) error

	// DeadLetters lists up to limit dead letters, oldest first, after the Key
	// of the last one seen ("" starts at the first). Where the broker cannot
	// list them the error is ErrUnsupported.
	DeadLetters(ctx context.Context, after string, limit int) ([]DeadLetter, error)

	// Stats counts what the queue holds, to the broker's precision.
	Stats(ctx context.Context) (Stats, error)

	// Peek shows up to limit messages that were not acked yet, leased or not,
	// oldest first, and leases none. Where the broker cannot, the error is
	// ErrUnsupported.
	Peek(ctx context.Context, limit int) ([]Message, error)

	// Close finishes the verbs under way, wakes every waiting Receive with
	// ErrClosed and returns the leases. What lingers is durable after it; its
	// error says that this failed. It may be called twice.
	Close() error
}

// Lister is implemented by queues that can say which messages they hold. An
// embedded queue may lose its newest messages in a power cut; whoever opens it
// compares this list with the jobs that believe they are queued.
type Lister interface {
	// IDs calls fn with the id of each message that was not acked yet, leased
	// or not, until fn returns an error, which it then returns.
	IDs(ctx context.Context, fn func(id string) error) error
}

// Redriver is implemented by queues that can put dead letters back.
type Redriver interface {
	// Redrive makes dead letters, as DeadLetters lists them, new messages in
	// one step: at any moment, crash included, each is among the dead letters
	// or in the queue. With an error none was moved: ErrInvalid where one is
	// nothing that a receiver could use, ErrGone where one is not among the
	// dead letters any more.
	Redrive(ctx context.Context, letters []DeadLetter) error
}

// Received is a message under lease.
type Received struct {
	Message

	// Lease is the backend's handle, opaque to everyone else.
	Lease any
	// Deliveries counts how often the message has been received, this time
	// included. A backend that keeps leases in memory starts again at 1 when
	// it is opened.
	Deliveries int
	// EnqueuedAt is when the broker took the message.
	EnqueuedAt time.Time
	// Err says why the body could not be decoded; Raw then holds it, and of
	// Message at most ID is known.
	Err error
	Raw []byte
}

// DeadLetter is a message nobody could use, and why.
type DeadLetter struct {
	Received
	// Reason is a sentence for a person.
	Reason string
	// Key and At are set by DeadLetters: the place in the list, and when the
	// message was moved there. Such a letter carries no lease.
	Key string
	At  time.Time
}

// Stats is a moment's view of a queue.
type Stats struct {
	// Pending messages wait, be it for a receiver or for their delay to end.
	Pending int64
	// InFlight messages are leased.
	InFlight int64
	// DeadLetters were moved there and not removed since.
	DeadLetters int64
	// OldestAge is the age of the oldest message that is not acked yet, zero
	// without one.
	OldestAge time.Duration
}
