package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPasswords(t *testing.T) {
	t.Parallel()
	p := NewPasswords(2)
	hash, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "=$") {
		t.Errorf("%s is not the PHC string that we want", hash)
	}
	again, err := p.Hash(t.Context(), "correct horse")
	if err != nil || again == hash {
		t.Errorf("two hashes have the same salt (%v)", err)
	}
	for password, want := range map[string]bool{
		"correct horse": true, "correct horse ": false, "Correct horse": false, "": false,
		strings.Repeat("x", 2000): false,
	} {
		got, err := p.Verify(t.Context(), hash, password)
		if err != nil || got != want {
			t.Errorf("%.20q: %v, %v; want %v", password, got, err, want)
		}
	}
	for _, password := range []string{"anything", ""} {
		if ok, err := p.Verify(t.Context(), "", password); ok || err != nil {
			t.Errorf("an unknown user got in with %q: %v, %v", password, ok, err)
		}
	}
	for _, password := range []string{"", strings.Repeat("x", 1025)} {
		if _, err := p.Hash(t.Context(), password); !errors.Is(err, ErrPasswordLength) {
			t.Errorf("a password of %d bytes: %v", len(password), err)
		}
	}
	if NeedsRehash(hash) {
		t.Error("a new hash needs another")
	}
}

// From the tests of the reference implementation:
// password "password", salt "somesalt", t=2, m=2^16 KiB, p=1.
func TestAHashFromElsewhereVerifies(t *testing.T) {
	t.Parallel()
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	p := NewPasswords(0)
	if ok, err := p.Verify(t.Context(), hash, "password"); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if !NeedsRehash(hash) {
		t.Error("a hash with other parameters needs no other")
	}
}

func TestHashesThatAreNotWithinOurLimits(t *testing.T) {
	t.Parallel()
	const salt, sum = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, hash := range []string{
		"x", "$argon2id$", "$2a$10$abc",
		"$argon2i$v=19$m=65536,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=16$m=65536,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=1,x=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=065536,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=4194304,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=0,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=1000000,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=0$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=256$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=1$$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$****",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + sum + "$",
	} {
		ok, err := NewPasswords(1).Verify(t.Context(), hash, "password")
		if ok || err == nil {
			t.Errorf("%s: %v, %v", hash, ok, err)
		}
		if err != nil && strings.Contains(err.Error(), sum) {
			t.Errorf("the error tells the hash: %v", err)
		}
	}
}

func TestHashesWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	p := NewPasswords(1)
	p.turns <- struct{}{} // somebody is at it
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := p.Verify(ctx, "", "password")
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
	<-p.turns
	if _, err := p.Verify(t.Context(), "", "password"); err != nil {
		t.Errorf("when its turn came: %v", err)
	}
}

func TestOnlySoManyWaitForAHash(t *testing.T) {
	t.Parallel()
	p := NewPasswords(1)
	p.turns <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	refused := make(chan error)
	for range maxWaiting + 5 {
		go func() {
			_, err := p.Verify(ctx, "", "password")
			refused <- err
		}()
	}
	for range 5 {
		if err := <-refused; !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
	}
	cancel()
	for range maxWaiting {
		if err := <-refused; !errors.Is(err, context.Canceled) {
			t.Errorf("who waited got %v", err)
		}
	}
	<-p.turns
	if _, err := p.Verify(t.Context(), "", "password"); err != nil {
		t.Errorf("after the rush: %v", err)
	}
}

func smallThrottle() *Throttle {
	return NewThrottle(ThrottleOptions{
		PerPair: Rate{Burst: 3, Every: time.Minute}, PerEmail: Rate{Burst: 8, Every: time.Minute}, PerAddress: Rate{Burst: 5, Every: time.Second}, Entries: 100,
	})
}

func TestGuessesAtAnAccountFromOnePlaceStopThere(t *testing.T) {
	t.Parallel()
	th, now := smallThrottle(), epoch
	for i := range 3 {
		if wait, ok := th.Attempt("Alice@example.com", fmt.Sprintf("192.0.2.1:%d", i), now); !ok {
			t.Fatalf("attempt %d has to wait %v", i, wait)
		}
	}
	wait, ok := th.Attempt(" alice@EXAMPLE.com", "192.0.2.1:9", now)
	if ok || wait != time.Minute {
		t.Errorf("the fourth: %v, %v; want a minute", wait, ok)
	}
	if _, ok := th.Attempt("bob@example.com", "192.0.2.1:9", now); !ok {
		t.Error("another account is shut too")
	}
	if _, ok := th.Attempt("alice@example.com", "192.0.2.2", now); !ok {
		t.Error("the owner, elsewhere, is shut out")
	}
	if wait, ok := th.Attempt("alice@example.com", "192.0.2.1", now.Add(time.Minute-1)); ok || wait != 1 {
		t.Errorf("just before the minute is over: %v, %v", wait, ok)
	}
	if _, ok := th.Attempt("alice@example.com", "192.0.2.1", now.Add(time.Minute)); !ok {
		t.Error("after the minute it is still shut")
	}
	th.Success("alice@example.com", "192.0.2.1", now.Add(time.Minute))
	for i := range 3 {
		if _, ok := th.Attempt("alice@example.com", "192.0.2.1", now.Add(time.Minute)); !ok {
			t.Errorf("attempt %d after a success has to wait", i)
		}
	}
}

func TestGuessesAtAnAccountFromManyPlacesStopAllButItsOwn(t *testing.T) {
	t.Parallel()
	th, now := smallThrottle(), epoch
	const home = "203.0.113.7"
	if _, ok := th.Attempt("alice@example.com", home, now); !ok {
		t.Fatal("the first login has to wait")
	}
	th.Success("alice@example.com", home, now)
	allowed := 0
	for i := range 100 {
		if _, ok := th.Attempt("alice@example.com", fmt.Sprint("192.0.2.", i), now); ok {
			allowed++
		}
	}
	if allowed != 8 {
		t.Errorf("%d guesses from 100 places were let through, want 8", allowed)
	}
	if wait, ok := th.Attempt("alice@example.com", home, now); !ok {
		t.Errorf("where the owner signs in, they have to wait %v", wait)
	}
	if _, ok := th.Attempt("alice@example.com", "198.51.100.1", now.Add(2*knownFor)); !ok {
		t.Error("long after it is still shut")
	}
}

func TestAnAttemptThatWasNotMadeCountsForNothing(t *testing.T) {
	t.Parallel()
	th := smallThrottle()
	for i := range 50 {
		if _, ok := th.Attempt("a@example.com", "192.0.2.1", epoch); !ok {
			t.Fatalf("attempt %d has to wait", i)
		}
		th.Untried("a@example.com", "192.0.2.1", epoch)
	}
}

func TestThrottlePerAddress(t *testing.T) {
	t.Parallel()
	for name, addresses := range map[string][]string{
		"IPv4 with any port":            {"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1", "[::ffff:192.0.2.1]:3", "192.0.2.1:4", "192.0.2.1:5"},
		"the 64 bits beside an IPv6":    {"[2001:db8::1]:1", "2001:db8::2", "2001:db8::3", "2001:db8:0:0:ffff::", "2001:db8::1%eth0", "2001:db8::4"},
		"what is not an address at all": {"@", "@", "@", "@", "@", "@"},
	} {
		th, now := smallThrottle(), epoch
		for i, address := range addresses {
			_, ok := th.Attempt(fmt.Sprintf("user%d@example.com", i), address, now)
			if want := i < 5; ok != want {
				t.Errorf("%s: attempt %d allowed: %v, want %v", name, i, ok, want)
			}
		}
	}
	th, now := smallThrottle(), epoch
	for i := range 50 {
		if _, ok := th.Attempt("a@example.com", "192.0.2.1", now); !ok {
			t.Fatalf("good login %d has to wait", i)
		}
		th.Success("a@example.com", "192.0.2.1", now)
	}
}

func TestManyAttemptsAtOnceAreNoWayAround(t *testing.T) {
	t.Parallel()
	th := smallThrottle()
	var mu sync.Mutex
	allowed := 0
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if _, ok := th.Attempt("a@example.com", fmt.Sprint("192.0.2.", i), epoch); ok {
				mu.Lock()
				allowed++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if allowed != 8 {
		t.Errorf("%d attempts were allowed, want 8", allowed)
	}
}

func TestAThrottleIsBoundedAndRemembersTheWorst(t *testing.T) {
	t.Parallel()
	th, now := smallThrottle(), epoch
	for i := range 8 {
		th.Attempt("victim@example.com", fmt.Sprint("192.0.2.", i), now)
	}
	for i := range 10_000 {
		email, address := fmt.Sprintf("user%d@example.com", i), fmt.Sprintf("10.%d.%d.1", i/256, i%256)
		th.Attempt(email, address, now)
		if i%3 == 0 {
			th.Success(email, address, now)
		}
		if e, a, p, k := len(th.emails.full), len(th.addresses.full), len(th.pairs.full), len(th.known); max(e, a, p, k) > 100 {
			t.Fatalf("%d emails, %d addresses, %d pairs and %d known places are remembered, more than 100", e, a, p, k)
		}
	}
	if _, ok := th.Attempt("victim@example.com", "192.0.2.99", now); ok {
		t.Error("a flood of other names made the throttle forget the account under attack")
	}
}

func TestAClockThatJumpsBackLocksNobodyOut(t *testing.T) {
	t.Parallel()
	th := smallThrottle()
	for range 3 {
		th.Attempt("a@example.com", "192.0.2.1", epoch.Add(1000*time.Hour))
	}
	wait, ok := th.Attempt("a@example.com", "192.0.2.1", epoch)
	if ok || wait > 3*time.Minute {
		t.Errorf("wait %v, %v; want at most the burst's time", wait, ok)
	}
}
