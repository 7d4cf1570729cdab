package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
)

// NewLogger writes to w what is at least at the level, which may change while
// the logger is in use. The format is "json", for machines, or "text", for
// people.
func NewLogger(w io.Writer, format string, level *slog.LevelVar) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withUnit}))
	}
	return slog.New(newTextHandler(w, level))
}

// withUnit writes durations as "20s", as the text log does; slog's own JSON
// has them as numbers, whose unit nobody can see.
func withUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// ParseLevel reads the levels of the configuration: debug, info, warn, error.
func ParseLevel(name string) (slog.Level, error) {
	var l slog.Level
	err := l.UnmarshalText([]byte(name))
	return l, err
}

// textHandler writes lines for people: the time of day, the level, the
// message, and then what slog's own text handler makes of the attributes.
type textHandler struct {
	inner slog.Handler // writes the attributes to line.buf
	level slog.Leveler
	line  *line
}

// line is shared by a handler and all that were derived from it.
type line struct {
	mu  sync.Mutex
	buf bytes.Buffer
	out io.Writer
}

func newTextHandler(w io.Writer, level slog.Leveler) *textHandler {
	l := &line{out: w}
	inner := slog.NewTextHandler(&l.buf, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return slog.Attr{}
			}
			return a
		},
	})
	return &textHandler{inner: inner, level: level, line: l}
}

// Enabled implements slog.Handler.
func (h *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle implements slog.Handler.
func (h *textHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	b := &h.line.buf
	b.Reset()
	b.WriteString(r.Time.Format("15:04:05.000 "))
	level := r.Level.String()
	b.WriteString(level)
	for n := len(level); n < 6; n++ {
		b.WriteByte(' ')
	}
	// A message is a sentence of ours; what strangers sent is in attributes,
	// where it is quoted.
	b.WriteString(r.Message)
	before := b.Len()
	b.WriteString("  ")
	if err := h.inner.Handle(ctx, r); err != nil {
		return err
	}
	if b.Len() == before+len("  \n") {
		b.Truncate(before)
		b.WriteByte('\n')
	}
	_, err := h.line.out.Write(b.Bytes())
	if b.Cap() > 64<<10 {
		h.line.buf = bytes.Buffer{}
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textHandler{inner: h.inner.WithAttrs(attrs), level: h.level, line: h.line}
}

// WithGroup implements slog.Handler.
func (h *textHandler) WithGroup(name string) slog.Handler {
	return &textHandler{inner: h.inner.WithGroup(name), level: h.level, line: h.line}
}
