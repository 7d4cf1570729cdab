package sse

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNothingThatIsSentCanBeginAnEventOfItsOwn(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	s, err := Open(w)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send("1\nevent: forged", "job\r\ndata: forged", []byte("{\r\n\"a\":1}\n\nevent: forged\rdata: x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep("2\n\ndata: forged"); err != nil {
		t.Fatal(err)
	}
	want := "retry: 1000\n\n" +
		"id: 1event: forged\nevent: jobdata: forged\ndata: {  \"a\":1}  event: forged data: x\n\n" +
		": still here\nid: 2data: forged\n\n"
	if got := w.Body.String(); got != want {
		t.Errorf("wrote %q\nnot   %q", got, want)
	}
	if strings.Contains(w.Body.String(), "\r") {
		t.Error("a carriage return ends a line as well")
	}
}

func TestNobodyTakesAllSeats(t *testing.T) {
	t.Parallel()
	s := &Seats{All: 3, Each: 2}
	give, ok := s.Take("a")
	if _, again := s.Take("a"); !ok || !again {
		t.Fatal("two seats are free")
	}
	if _, ok := s.Take("a"); ok {
		t.Error("a third seat for one")
	}
	if _, ok := s.Take("b"); !ok {
		t.Error("none for another")
	}
	if _, ok := s.Take("c"); ok {
		t.Error("a fourth of three")
	}
	give()
	if _, ok := s.Take("c"); !ok || s.Taken() != 3 {
		t.Errorf("none where one was given back: %d", s.Taken())
	}
}
