package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
)

// sudoer has the password for sudo. It is asked for once, for all hosts, and
// until one of them has taken it they try it one after the other: a password
// that is wrong costs one attempt on one host, and no account its lock.
type sudoer struct {
	mu       sync.Mutex
	busy     chan struct{} // holds a token while the password is asked for or on trial
	answered chan struct{} // closed when password and err are set; nil before it was asked for
	password []byte
	err      error
	proven   bool   // a host took it
	wrong    string // the host that did not
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
func (s *sudoer) turn(ctx context.Context, host string, ask func() ([]byte, error)) (password []byte, judge func(verdict), e *Error) {
	if ask == nil {
		return nil, nil, &Error{Phase: PhaseSudo, Reason: "sudo wants a password, and there is nobody to ask for it", Hint: ruleHint}
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
		return nil, nil, ended(ctx, PhaseSudo, "no password")
	}
	var once sync.Once
	release := func() { once.Do(func() { <-busy }) }
	if e := s.answer(ctx, ask); e != nil {
		release()
		return nil, nil, e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong != "" {
		release()
		return nil, nil, &Error{Phase: PhaseSudo, Reason: fmt.Sprintf("sudo wants a password, and the one that was given was wrong on %s: it is tried on no other host", s.wrong), Hint: wrongHint}
	}
	if s.proven {
		release()
	}
	return bytes.Clone(s.password), func(v verdict) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch v {
		case taken:
			s.proven = true
		case wrong:
			if s.wrong == "" {
				s.wrong = host
			}
			clear(s.password)
		}
		release()
	}, nil
}

// answer waits until the person has answered. When ctx ends it leaves the
// question on the terminal, for the next host.
func (s *sudoer) answer(ctx context.Context, ask func() ([]byte, error)) *Error {
	s.mu.Lock()
	answered := s.answered
	if answered == nil {
		answered = make(chan struct{})
		s.answered = answered
		go func() {
			password, err := ask()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.password, s.err = checkPassword(password, err)
			close(answered)
		}()
	}
	s.mu.Unlock()
	select {
	case <-answered:
	case <-ctx.Done():
		return ended(ctx, PhaseSudo, "no password was given")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return &Error{Phase: PhaseSudo, Reason: "sudo wants a password: " + s.err.Error(), Err: s.err, Hint: ruleHint}
	}
	return nil
}

func checkPassword(password []byte, err error) ([]byte, error) {
	switch {
	case err != nil:
		return nil, err
	case len(password) == 0:
		return nil, errors.New("none was given")
	case bytes.ContainsAny(password, "\n\r\x00"):
		clear(password)
		return nil, errors.New("what was given is more than one line")
	}
	return password, nil
}

// forget clears the password.
func (s *sudoer) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.password)
	s.password, s.err = nil, errors.New("it was forgotten")
}
