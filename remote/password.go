package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
)

// password is one for many hosts. It is asked for once, for all of them, and
// until one has taken it they try it one after the other: a password that is
// wrong costs one attempt on one host, and no account its lock.
type password struct {
	mu       sync.Mutex
	busy     chan struct{} // holds a token while the password is asked for or on trial
	answered chan struct{} // closed when text and err are set; nil before it was asked for
	text     []byte
	err      error
	proven   bool   // a host took it
	wrong    string // the host that did not
}

// asker is a password, what it is for, and how a person is asked for it; ask
// is nil where there is nobody.
type asker struct {
	*password
	use *passwordUse
	ask func() ([]byte, error)
}

// passwordUse is what a password is for, in the words of errors.
type passwordUse struct {
	phase         Phase
	wants         string // who wants it, "sudo wants a password"
	nobody, wrong string // hints
}

// verdict is what became of a password.
type verdict int

const (
	untold verdict = iota // it was not sent, or nobody knows
	taken
	wrong
)

// turn gives the password to a host, whose verdict is due in any case. The
// caller clears what it is given.
func (s asker) turn(ctx context.Context, host string) (text []byte, judge func(verdict), e *Error) {
	// How long others take to be asked, and a person to answer, is no time of
	// this host's.
	defer standstill(ctx)()
	if s.ask == nil {
		return nil, nil, &Error{Phase: s.use.phase, Reason: s.use.wants + ", and there is nobody to ask for it", Hint: s.use.nobody}
	}
	s.mu.Lock()
	if s.busy == nil {
		s.busy = make(chan struct{}, 1)
	}
	busy := s.busy
	s.mu.Unlock()
	select {
	case busy <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ended(ctx, s.use.phase, "no password")
	}
	var once sync.Once
	release := func() { once.Do(func() { <-busy }) }
	if e := s.answer(ctx); e != nil {
		release()
		return nil, nil, e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong != "" {
		release()
		return nil, nil, &Error{Phase: s.use.phase, Reason: fmt.Sprintf("%s, and the one that was given was wrong on %s: it is tried on no other host", s.use.wants, s.wrong), Hint: s.use.wrong}
	}
	if s.proven {
		release()
	}
	return bytes.Clone(s.text), func(v verdict) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch v {
		case taken:
			s.proven = true
		case wrong:
			if s.wrong == "" {
				s.wrong = host
			}
			clear(s.text)
		}
		release()
	}, nil
}

// answer waits until the person has answered. When ctx ends it leaves the
// question on the terminal, for the next host.
func (s asker) answer(ctx context.Context) *Error {
	s.mu.Lock()
	answered := s.answered
	if answered == nil {
		answered = make(chan struct{})
		s.answered = answered
		go func() {
			text, err := s.ask()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.text, s.err = checkPassword(text, err)
			close(answered)
		}()
	}
	s.mu.Unlock()
	select {
	case <-answered:
	case <-ctx.Done():
		return ended(ctx, s.use.phase, "no password was given")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return &Error{Phase: s.use.phase, Reason: s.use.wants + ": " + s.err.Error(), Err: s.err, Hint: s.use.nobody}
	}
	return nil
}

func checkPassword(text []byte, err error) ([]byte, error) {
	switch {
	case err != nil:
		return nil, err
	case len(text) == 0:
		return nil, errors.New("none was given")
	case bytes.ContainsAny(text, "\n\r\x00"):
		clear(text)
		return nil, errors.New("what was given is more than one line")
	}
	return text, nil
}

// forget clears the password.
func (s *password) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.text)
	s.text, s.err = nil, errors.New("it was forgotten")
}
