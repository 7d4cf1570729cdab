package mail

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Sender hands a message on.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// OutboxOptions shape an Outbox. Sender is required.
type OutboxOptions struct {
	Sender Sender
	Logger *slog.Logger
	Limit  int // of messages that wait; 500 by default
	Now    func() time.Time
}

// Outbox holds messages until they are sent. It is a service.
type Outbox struct {
	o    OutboxOptions
	wake chan struct{}

	mu      sync.Mutex
	waiting []*letter // by when they are due
	busy    int       // how many are being sent
}

// letter is a message on its way.
type letter struct {
	compose func(ctx context.Context) (Message, error)
	message *Message // once it is composed
	due     time.Time
	tries   int
}

// atOnce is how many messages are sent at the same time.
const atOnce = 2

// pauses are between the tries.
var pauses = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute}

// NewOutbox makes an outbox; Run sends.
func NewOutbox(o OutboxOptions) *Outbox {
	if o.Limit <= 0 {
		o.Limit = 500
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Outbox{o: o, wake: make(chan struct{}, 1)}
}

// ErrNothing is what a compose function says that has nothing to send.
var ErrNothing = errors.New("there is nothing to send")

// Post takes a message, which is composed later, and says whether there was
// room for it.
func (b *Outbox) Post(compose func(ctx context.Context) (Message, error)) bool {
	b.mu.Lock()
	full := len(b.waiting)+b.busy >= b.o.Limit
	if !full {
		b.put(&letter{compose: compose, due: b.o.Now()})
	}
	b.mu.Unlock()
	if full {
		b.o.Logger.Warn("too many messages wait to be sent, and one more is not taken", "limit", b.o.Limit)
		return false
	}
	b.nudge()
	return true
}

// put keeps the order of when they are due; the lock is held.
func (b *Outbox) put(l *letter) {
	at, _ := slices.BinarySearchFunc(b.waiting, l.due, func(w *letter, due time.Time) int {
		if w.due.After(due) {
			return 1
		}
		return -1
	})
	b.waiting = slices.Insert(b.waiting, at, l)
}

func (b *Outbox) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// finish is how long what is being sent may take after the end.
const finish = 5 * time.Second

// Run sends until ctx ends, and what is being sent then for 5 s more.
func (b *Outbox) Run(ctx context.Context) error {
	var sending sync.WaitGroup
	still, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		late := time.AfterFunc(finish, cancel)
		sending.Wait()
		late.Stop()
		cancel()
		b.mu.Lock()
		left := len(b.waiting)
		b.mu.Unlock()
		if left > 0 {
			b.o.Logger.Warn("messages were not sent before the end", "count", left)
		}
	}()
	for ctx.Err() == nil {
		l, wait := b.next()
		if l != nil {
			sending.Go(func() { b.send(still, l) })
			continue
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-b.wake:
		case <-timer:
		}
	}
	return nil
}

// next takes the letter that is due, or says how long there is none; 0 is
// until somebody wakes Run.
func (b *Outbox) next() (*letter, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 || b.busy >= atOnce {
		return nil, 0
	}
	l := b.waiting[0]
	if wait := l.due.Sub(b.o.Now()); wait > 0 {
		return nil, wait
	}
	b.waiting = b.waiting[1:]
	b.busy++
	return l, 0
}

func (b *Outbox) send(ctx context.Context, l *letter) {
	again := b.try(ctx, l)
	b.mu.Lock()
	b.busy--
	if again {
		b.put(l)
	}
	b.mu.Unlock()
	b.nudge()
}

// try composes and sends a letter, and says whether to try again.
func (b *Outbox) try(ctx context.Context, l *letter) (again bool) {
	if l.message == nil {
		m, err := l.compose(ctx)
		if errors.Is(err, ErrNothing) {
			return false
		}
		if err != nil {
			return b.later(l, err)
		}
		l.message = &m
	}
	if err := b.o.Sender.Send(ctx, *l.message); err != nil {
		return b.later(l, err)
	}
	b.o.Logger.Debug("mail sent", "subject", l.message.Subject, "tries", l.tries+1)
	return false
}

func (b *Outbox) later(l *letter, err error) bool {
	subject := ""
	if l.message != nil {
		subject = l.message.Subject
	}
	if errors.As(err, new(errForGood)) || l.tries >= len(pauses) {
		b.o.Logger.Error("a message can not be sent, and is given up", "subject", subject, "tries", l.tries+1, "error", err)
		return false
	}
	l.due = b.o.Now().Add(pauses[l.tries])
	b.o.Logger.Warn("a message can not be sent now", "subject", subject, "again_in", pauses[l.tries], "error", err)
	l.tries++
	return true
}

// Log is a sender that writes messages into the log, for who has no mail
// server. What is private is there only with Everything.
type Log struct {
	Logger     *slog.Logger
	Everything bool
}

// Send implements Sender.
func (l Log) Send(_ context.Context, m Message) error {
	if m.Private && !l.Everything {
		l.Logger.Warn("there is a message for somebody, and no mail server to send it through; its text is private and not shown here",
			"to", m.To, "subject", m.Subject, "try", `mail "smtp" { … } in the configuration, or mail "log" {} to see the text here`)
		return nil
	}
	l.Logger.Info("mail", "to", m.To, "subject", m.Subject, "text", m.Text)
	return nil
}

var (
	_ Sender = (*SMTP)(nil)
	_ Sender = Log{}
)
