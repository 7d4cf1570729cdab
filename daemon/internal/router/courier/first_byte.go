package courier

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// firstByte watches over the time until an answer begins, which is counted
// from the moment at which there is a connection to send on.
type firstByte struct {
	ctx    context.Context
	cancel context.CancelFunc
	limit  *limitError
	timer  atomic.Pointer[time.Timer]
	late   atomic.Bool
}

func (q *request) awaitFirstByte(ctx context.Context) *firstByte {
	f := &firstByte{ctx: ctx, limit: q.route.tooLate()}
	if f.limit == nil {
		return f
	}
	ctx, f.cancel = context.WithCancel(ctx)
	f.ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			f.timer.Store(time.AfterFunc(f.limit.after, func() { f.late.Store(true); f.cancel() }))
		},
		GotFirstResponseByte: f.stop,
	})
	return f
}

// stop ends the watch: the answer has begun.
func (f *firstByte) stop() {
	if t := f.timer.Swap(nil); t != nil {
		t.Stop()
	}
}

// cause says so if it was the watch that ended the exchange.
func (f *firstByte) cause(err error) error {
	if f.late.Load() {
		e := *f.limit
		e.err = err
		return &e
	}
	return err
}
