package cmd

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestStandardInputIsReadWhole(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789", 20_000)
	b, err := io.ReadAll(&stdin{ctx: t.Context(), from: strings.NewReader(text)})
	if err != nil || string(b) != text {
		t.Errorf("%d of %d bytes, %v", len(b), len(text), err)
	}
}

// A pipe that nobody writes to does not keep a command that was interrupted.
func TestAnInterruptedCommandWaitsForNoInput(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	go func() {
		_, _ = io.WriteString(w, "manifest {") // it is read below
		cancel()
	}()
	b, err := io.ReadAll(&stdin{ctx: ctx, from: r})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", b, err)
	}
}
