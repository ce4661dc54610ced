package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// account is one login: a user at a server, with the keys that are offered.
// One refusal is all that a run may cost it, because servers count them: sshd
// punishes the address they come from (PerSourcePenalties), and fail2ban,
// pam_faillock or a directory may lock the account everywhere.
type account struct {
	// turn is taken by who authenticates as long as it is not known that we are
	// let in: hosts with several names are tried by one of them first.
	turn chan struct{}

	mu      sync.Mutex
	letIn   bool
	refused *Error
}

// accounts are those that were tried in this run.
type accounts struct {
	mu sync.Mutex
	by map[string]*account
}

func (a *accounts) get(key string) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = map[string]*account{}
	}
	one, ok := a.by[key]
	if !ok {
		one = &account{turn: make(chan struct{}, 1)}
		a.by[key] = one
	}
	return one
}

// accountKey tells accounts apart. Who is told to offer something else is
// somebody else; by what name a host is called, and what it is known by, is
// nothing to its server.
func (s *Settings) accountKey() string {
	var key strings.Builder
	for _, hop := range s.Jumps {
		fmt.Fprintf(&key, "%s\n", hop.identity())
	}
	fmt.Fprintf(&key, "%s\n%#v", s.identity(), []any{s.ProxyCommand, s.IdentityFiles, s.DefaultIdentities, s.IdentitiesOnly, s.IdentityAgent, s.CertificateFiles, s.Methods})
	return key.String()
}

type tryAgainKey struct{}

// TryAgain lets a host be logged in to that has refused us in this run, which
// it is not without: for who has changed something about it since.
func TryAgain(ctx context.Context) context.Context {
	return context.WithValue(ctx, tryAgainKey{}, true)
}

// before is the error of a login that was refused in this run, nil where there
// is none, or where it is to be tried again.
func (a *account) before(ctx context.Context) *Error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused == nil || ctx.Value(tryAgainKey{}) != nil {
		return nil
	}
	e := *a.refused
	e.Reason += "; it is not tried again in this run"
	e.Err = a.refused
	return &e
}

// enter waits until it may be tried to log in. leave is to be called when that
// was tried, and told.
func (a *account) enter(ctx context.Context) (leave func(), e *Error) {
	a.mu.Lock()
	known := a.letIn
	a.mu.Unlock()
	if known {
		return func() {}, a.before(ctx)
	}
	// It is bounded by its own time, and may wait for a person.
	defer standstill(ctx)()
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ended(ctx, PhaseAuth, "the login by another name of this host did not end")
	}
	if e := a.before(ctx); e != nil {
		<-a.turn
		return nil, e
	}
	return sync.OnceFunc(func() { <-a.turn }), nil
}

// letsIn remembers that the login works.
func (a *account) letsIn() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.letIn, a.refused = true, nil
}

// refuses remembers that it does not.
func (a *account) refuses(e *Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused == nil {
		a.refused = e
	}
}

// authenticate is the ClientConfig.AuthCallback: nothing is offered to a server
// that has refused it by another name.
func (l *login) authenticate(c *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	if e := l.begin(); e != nil {
		return nil, e
	}
	return l.offer.next(c)
}

// begin takes the account's turn, once a login. The error is nil, or an *Error.
func (l *login) begin() error {
	l.mu.Lock()
	begun := l.leave != nil
	l.mu.Unlock()
	if begun {
		return nil
	}
	leave, e := l.account.enter(l.offer.ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if e != nil {
		l.before = e
		return e
	}
	if l.over {
		leave()
		return net.ErrClosed
	}
	l.leave = leave
	return nil
}

// told remembers how the login ended, if it came to authentication. A
// connection that was lost, or a server that took too long, refused nothing.
func (l *login) told(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.leave == nil {
		return
	}
	var e *Error
	switch {
	case err == nil:
		l.account.letsIn()
	case errors.As(err, &e) && e.Phase == PhaseAuth && e.Kind == "" && !isLost(e.Err) && !errors.Is(e, errBusy):
		l.account.refuses(e)
	}
	l.leave()
}
