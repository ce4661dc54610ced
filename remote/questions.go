package remote

import (
	"errors"
	"fmt"
	"regexp"
	"sync"
)

// Question is what a server wants to know before it lets a user in.
type Question struct {
	User string
	Host string // who asks, as the inventory or ssh_config calls it
	Jump bool   // it is a jump host
	// Text is the server's own question on one line, with everything that is
	// not plain text escaped. It is empty for the password that is asked for
	// once, for all hosts or for a jump host.
	Text string
	Echo bool // what is typed may be shown
}

// Bounds of keyboard-interactive: PAM asks for a password, then a code, and
// ends with a round without questions.
const (
	maxRounds  = 8
	maxPrompts = 4 << 10 // bytes of all of a login
)

// logins are the passwords that log users in. A jump host has one of its own:
// what is right there may be wrong behind it.
type logins struct {
	ask func(Question) ([]byte, error)

	mu sync.Mutex
	by map[Question]*password // by user, and by jump host
}

// respondent answers what a server asks of a user beyond his keys.
type respondent struct {
	asker  // for the password
	person func(Question) ([]byte, error)
	jump   bool
}

// respondent is for a host or a jump host.
func (l *logins) respondent(s *Settings, jump bool) respondent {
	q := Question{User: s.User, Jump: jump}
	if jump {
		q.Host = s.Name
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.by[q]
	if !ok {
		p = &password{}
		if l.by == nil {
			l.by = map[Question]*password{}
		}
		l.by[q] = p
	}
	r := respondent{person: l.ask, jump: jump, asker: asker{password: p, use: &passwordUse{
		phase: PhaseAuth, wants: "the server wants the password of " + s.User,
		nobody: "run it on a terminal and type it, or have the server take a key",
		wrong:  "run it again with the right one; faillock --user " + quoteWord(s.User) + " on the host shows the attempts that count",
	}}}
	if l.ask != nil {
		q.Host = s.Name
		r.ask = func() ([]byte, error) { return l.ask(q) }
	}
	return r
}

// forget clears the passwords.
func (l *logins) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.by {
		p.forget()
	}
}

// questions is what a server asked during a login, and what became of it.
type questions struct {
	tried    []string      // methods
	judge    func(verdict) // of the password, as long as it is on trial
	sent     bool          // the password was
	wrong    bool          // and it was refused
	answered bool          // a person answered another question
	rounds   int
	bytes    int
	err      *Error // why there is no answer
}

// settle says what became of a password that is on trial. o.mu is held.
func (o *offer) settle(v verdict) {
	if o.judge == nil {
		return
	}
	o.judge(v)
	o.judge = nil
	o.wrong = v == wrong
}

// end is for a login that is over. What was sent is judged as wrong until the
// server says otherwise, but for a connection that ended, which says nothing.
func (o *offer) end(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	switch {
	case err == nil:
		o.settle(taken)
	case isLost(err) || o.ctx.Err() != nil:
		o.settle(untold)
	default:
		o.settle(wrong)
	}
}

// password gives the password to the server, once.
func (o *offer) password() (string, error) {
	text, judge, e := o.set.turn(o.ctx, o.s.Name)
	o.mu.Lock()
	defer o.mu.Unlock()
	defer clear(text)
	if e == nil && (o.over || o.gone()) {
		judge(untold)
		e = &Error{Phase: PhaseAuth, Reason: "the server did not wait for the password", Err: errBusy,
			Hint: "raise LoginGraceTime in its sshd_config"}
	}
	if e != nil {
		o.err = e
		return "", e
	}
	o.judge, o.sent = judge, true
	return string(text), nil
}

// Prompts, as far as they can be told apart by what they say.
var (
	asksCode   = regexp.MustCompile(`(?i)code|token|one.?time|\botp\b|\bpin\b|challenge|response|yubi|duo|factor`)
	asksSecret = regexp.MustCompile(`(?i)pass|contrase|mot de|senha|kennwort`)
	asksNew    = regexp.MustCompile(`(?i)new|current|old|retype|neu|nouveau|nueva`)
)

// answers is the challenge of keyboard-interactive: the first question that is
// not shown and asks for no code is answered with the password, any other by
// a person, for this host.
func (o *offer) answers(_, _ string, prompts []string, echos []bool) (all []string, err error) {
	if e := o.round(prompts); e != nil {
		return nil, e
	}
	for i, prompt := range prompts {
		var a string
		switch hidden := !echos[i]; {
		case hidden && !o.hasSent() && !asksCode.MatchString(prompt):
			a, err = o.password()
		case hidden && o.hasSent() && !asksCode.MatchString(prompt) && asksSecret.MatchString(prompt):
			err = o.another(prompt)
		default:
			a, err = o.person(prompt, !hidden)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// round counts a round of questions.
func (o *offer) round(prompts []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rounds++
	for _, p := range prompts {
		o.bytes += len(p) + 1
	}
	if o.rounds > maxRounds || o.bytes > maxPrompts {
		o.err = &Error{Phase: PhaseAuth, Reason: "the server asks without end", Hint: "this is no well-behaved SSH server"}
		return o.err
	}
	return nil
}

func (o *offer) hasSent() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent
}

// another is for a server that wants a password again: a new one, or it did
// not take the first.
func (o *offer) another(prompt string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if asksNew.MatchString(prompt) {
		o.settle(taken)
		o.err = &Error{Phase: PhaseAuth, Reason: fmt.Sprintf("the password of %s has expired: the server asks %s", o.s.User, excerpt([]byte(prompt))),
			Hint: "log in by hand and change it"}
		return o.err
	}
	o.settle(wrong)
	return errors.New("the password was refused")
}

// person asks somebody what only he can answer, for this host alone.
func (o *offer) person(prompt string, echo bool) (string, error) {
	defer standstill(o.ctx)()
	type answer struct {
		text []byte
		err  error
	}
	q := Question{User: o.s.User, Host: o.s.Name, Jump: o.set.jump, Text: excerptText(prompt), Echo: echo}
	answered := make(chan answer, 1)
	go func() { // a read of a terminal cannot be ended, only left behind
		text, err := o.set.person(q)
		answered <- answer{text, err}
	}()
	var e *Error
	select {
	case a := <-answered:
		if a.err == nil {
			o.mu.Lock()
			o.answered = true
			o.mu.Unlock()
			defer clear(a.text)
			return string(a.text), nil
		}
		e = &Error{Phase: PhaseAuth, Reason: fmt.Sprintf("the server asks %q: %v", q.Text, a.err), Err: a.err,
			Hint: "run it on a terminal and answer, or have the server take a key alone"}
	case <-o.ctx.Done():
		e = ended(o.ctx, PhaseAuth, "no answer was given")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = e
	return "", e
}
