package remote

import (
	"bytes"
	"context"
	"regexp"
	"time"
)

// Hints of sudo.
const (
	ruleHint  = "run it on a terminal, name a file: --sudo-password-file FILE, or give the user a rule: USER ALL=(root) NOPASSWD: /bin/sh -s"
	wrongHint = "run it again with the right one; faillock --user USER on the host shows the attempts that count"
)

// promptText is what sudo asks for a password with. It is given as SUDO_PROMPT
// and not with -p: so PAM's own prompt stays where it asks for anything else
// than a password (sudo(8), passprompt_override in sudoers(5)), and a code or
// a token is never answered with one.
func promptText(nonce string) string { return "tmdoctor " + nonce }

// prompted is the end of standard error when sudo waits for a password. What
// may follow our text is how sudo-rs puts PAM's behind it.
var prompted = regexp.MustCompile(`^\]? ?(?i:password:)? ?$`)

// killedFor is how long the end of a sudo is waited for that was given a wrong
// password.
const killedFor = 5 * time.Second

// password becomes root by a password, if sudo wants nothing else. It is sent
// once, and only when sudo has asked for it: sent earlier it might be taken
// for a command where none is wanted, and what comes after it for another.
func (t *talk) password(ctx context.Context, nonce string, s asker) *Error {
	limited, stop := within(ctx, t.lim.Script)
	_, said, e := t.mark(limited, nonce, markAsk)
	stop()
	if e != nil {
		return t.refused(e, nonce)
	}
	if !wantsPassword(said) {
		return sudoRefusal(said)
	}
	password, judge, e := s.turn(ctx, t.res.Host.Name)
	if e != nil {
		return e
	}
	defer clear(password)
	v, e := t.offer(ctx, nonce, password)
	judge(v)
	return e
}

// offer lets sudo begin, and gives it the password when it asks for it.
func (t *talk) offer(ctx context.Context, nonce string, password []byte) (verdict, *Error) {
	limited, stop := within(ctx, t.lim.Script)
	defer stop()
	from := len(t.r.stderr.soFar())
	t.send([]byte("go " + nonce + "\n"))
	ready, prompts, rest := false, 0, []byte(nil)
	look := func() {
		_, ready = t.next(func(line []byte) bool { return string(line) == markReady+" "+nonce })
		prompts, rest = t.prompts(from, nonce)
	}
	e := t.watch(limited, func() bool {
		look()
		return ready || prompts > 0 && prompted.Match(rest)
	})
	if e != nil {
		return untold, t.refused(e, nonce)
	}
	if ready { // it wants none by now
		return untold, nil
	}
	// What is sent is judged as wrong until the host says otherwise, but for
	// an end of the connection, which says nothing.
	line := append(bytes.Clone(password), '\n')
	sent := t.send(line)
	go func() { <-sent; clear(line) }()
	e = t.watch(limited, func() bool {
		look()
		return ready || prompts > 1 || saysWrong(t.r.stderr.soFar()[from:])
	})
	if ready {
		return taken, nil
	}
	return t.notTaken(ctx, e, from, nonce)
}

// notTaken is for a password that was sent and did not make us root.
func (t *talk) notTaken(ctx context.Context, e *Error, from int, nonce string) (verdict, *Error) {
	if e == nil {
		// It is killed on the host, see byPassword; where that is not to be, the
		// end of its input ends it.
		wait, stop := within(ctx, killedFor)
		t.watch(wait, func() bool { return t.r.exits == nil })
		stop()
	}
	t.closeInput()
	stderr := t.r.stderr.soFar()[from:]
	switch {
	case e != nil && (e.Kind != "" || t.r.exit.status < 0):
		return untold, t.refused(e, nonce)
	case e != nil && saysForbidden(stderr):
		return untold, sudoRefusal(clean(stderr, nonce))
	}
	var said []byte
	if !saysWrong(stderr) {
		said = clean(stderr, nonce)
	}
	return wrong, &Error{Phase: PhaseSudo, Reason: "sudo did not take the password, which is tried on no other host" + quoted(said), Hint: wrongHint}
}

// forSudo is the use of a password that sudo wants.
var forSudo = &passwordUse{phase: PhaseSudo, wants: "sudo wants a password", nobody: ruleHint, wrong: wrongHint}

// prompts is how often sudo has asked for a password, and what is printed
// after the last time.
func (t *talk) prompts(from int, nonce string) (n int, rest []byte) {
	stderr := t.r.stderr.soFar()[from:]
	text := []byte(promptText(nonce))
	if n = bytes.Count(stderr, text); n > 0 {
		rest = stderr[bytes.LastIndex(stderr, text)+len(text):]
	}
	return n, rest
}

// wantsPassword is true for what sudo -n says where a password would do. Who
// has no rule at all is told the same.
func wantsPassword(said []byte) bool {
	return bytes.Contains(said, []byte("a password is required")) || bytes.Contains(said, []byte("interactive authentication is required"))
}

// saysWrong is true for what sudo says of a wrong password. It decides when to
// look no further; what it does not know is noticed by the next question.
func saysWrong(stderr []byte) bool {
	for _, s := range []string{"Sorry, try again", "incorrect password attempt", "Authentication failed"} {
		if bytes.Contains(stderr, []byte(s)) {
			return true
		}
	}
	return false
}

// saysForbidden is true for what sudo says to who gave the right password and
// has no rule.
func saysForbidden(stderr []byte) bool {
	for _, s := range []string{"is not in the sudoers file", "is not allowed to", "may not run sudo"} {
		if bytes.Contains(stderr, []byte(s)) {
			return true
		}
	}
	return false
}

// refused is for a sudo that did not come to make us root.
func (t *talk) refused(e *Error, nonce string) *Error {
	if e.Phase != PhaseScript {
		return e
	}
	stderr := clean(t.r.stderr.soFar(), nonce)
	if e.Kind == "" && t.r.exit.status >= 0 {
		return sudoRefusal(stderr)
	}
	e.Phase = PhaseSudo
	switch {
	case e.Kind == "" && t.r.exit.signal == "" && e.Err == nil:
		e.Reason = "the connection ended before sudo made us root" + quoted(stderr)
	case e.Kind == KindTimeout:
		if reason, ok := limitReason("sudo did not make us root", e.Err); ok {
			e.Reason = reason
		}
		e.Reason += quoted(stderr)
		e.Hint = "it waits for something else than a password, or the host hangs: log in and run sudo /bin/sh -s"
	}
	return e
}

// sudoRefusals are what sudo says, and what to do about it. They choose a hint and
// nothing else.
var sudoRefusals = []struct{ said, hint string }{
	{"must have a tty", "requiretty is set: add Defaults:USER !requiretty to its sudoers"},
	{"not in the sudoers file", "give the user a rule: USER ALL=(root) NOPASSWD: /bin/sh -s"},
	{"not allowed to", "give the user a rule: USER ALL=(root) NOPASSWD: /bin/sh -s, or ALL to work with a password"},
	{"may not run sudo", "give the user a rule: USER ALL=(root) NOPASSWD: /bin/sh -s"},
	{"no new privileges", "the host forbids it to sshd's sessions (NoNewPrivileges): log in as root"},
	{"must be owned by uid 0", "the host's sudo is not installed right: it is not setuid root"},
	{"effective uid is not 0", "the host's sudo is not installed right: it is not setuid root"},
	{"account validation failure", "the user's account has expired, or its password has: log in by hand"},
	{"password expired", "the user's password has expired: log in by hand and change it"},
	{"syntax error", "the host's sudoers has an error: visudo -c shows it"},
	{"parse error", "the host's sudoers has an error: visudo -c shows it"},
}

// sudoRefusal is for what sudo said when it made nobody root.
func sudoRefusal(said []byte) *Error {
	e := &Error{Phase: PhaseSudo, Reason: "sudo does not make us root" + quoted(said), Hint: "log in and run sudo -n /bin/sh -s </dev/null by hand"}
	for _, r := range sudoRefusals {
		if bytes.Contains(said, []byte(r.said)) {
			e.Hint = r.hint
			break
		}
	}
	return e
}

// clean is what sudo said without our own question.
func clean(said []byte, nonce string) []byte {
	return bytes.ReplaceAll(said, []byte(promptText(nonce)), nil)
}

// quoted is the last lines of what was said, as the end of a sentence: a
// lecture or a login script may come before them.
func quoted(said []byte) string {
	said = bytes.TrimSpace(said)
	from := len(said)
	for from > 0 {
		line := bytes.LastIndexByte(said[:from-1], '\n') + 1
		if len(said)-line > maxExcerpt && from < len(said) {
			break
		}
		from = line
	}
	text := excerpt(said[from:])
	if text == "" {
		return ""
	}
	return ": it says " + text
}
