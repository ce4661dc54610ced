package remote

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// The methods of authentication that are used (RFC 4252, RFC 4256).
const (
	methodKey       = "publickey"
	methodQuestions = "keyboard-interactive"
	methodPassword  = "password"
)

// offer is one login: it hands out one key at a time, then answers what the
// server asks. x/crypto/ssh takes only the first method of a kind, and one
// signature that fails ends that method.
type offer struct {
	ctx  context.Context
	s    *Settings
	set  keySet
	gone func() bool // the server has closed the connection

	mu       sync.Mutex
	started  bool
	over     bool // nobody waits for this login any more
	offered  []candidate
	sha1     bool     // the last signature was with SHA-1
	notes    []string // about keys that could not sign
	methods  []string // what the server takes
	trial    string   // what the server has to judge: a key's label, or a method
	accepted []string // what it took, and wants more
	refused  bool     // it answered, and there is nothing more to offer
	questions
}

// next is the ClientConfig.AuthCallback. No method and no error make the
// library return the error it has, which tells a lost connection from a
// refusal; an error of ours would hide it.
func (o *offer) next(c *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started, o.methods = true, c.AllowedMethods
	if partial := len(c.PartialSuccessMethods) > len(o.accepted); partial {
		o.accepted = append(o.accepted, o.trial)
		o.settle(taken)
	} else {
		o.settle(wrong)
	}
	if o.err != nil {
		return nil, nil
	}
	for _, m := range o.s.methods() {
		if !slices.Contains(c.AllowedMethods, m) {
			continue
		}
		if method := o.method(m); method != nil {
			return method, nil
		}
	}
	o.refused = len(c.AllowedMethods) > 0
	return nil, nil
}

// method is the next try with a method, nil if there is none. o.mu is held.
func (o *offer) method(name string) ssh.AuthMethod {
	if name == methodKey {
		return o.nextKey()
	}
	if o.set.ask == nil || o.wrong || slices.Contains(o.tried, name) {
		return nil
	}
	o.trial, o.tried = name, append(o.tried, name)
	if name == methodPassword {
		return ssh.PasswordCallback(o.password)
	}
	return ssh.KeyboardInteractive(o.answers)
}

func (o *offer) nextKey() ssh.AuthMethod {
	n := len(o.offered)
	if n == len(o.set.keys) || n == maxKeysOffered {
		return nil
	}
	k := o.set.keys[n]
	o.offered = append(o.offered, k)
	o.trial = k.label
	signer := k.signer
	if o.s.LegacyAlgorithms {
		signer = withSHA1(signer)
	}
	as, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return ssh.PublicKeys(signer)
	}
	return ssh.PublicKeys(boundSigner{as, o.ctx, o.signed, func(err error) { o.note(k, err) }})
}

// signed notes with which algorithm a key signs.
func (o *offer) signed(algorithm string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sha1 = algorithm == ssh.KeyAlgoRSA
}

func (o *offer) note(k candidate, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notes = append(o.notes, fmt.Sprintf("%s could not sign: %v", k.label, err))
}

// last is the key that was offered last, if any was.
func (o *offer) last() (candidate, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.offered) == 0 {
		return candidate{}, false
	}
	return o.offered[len(o.offered)-1], true
}

// key is the key that let us in, if one did.
func (o *offer) key() (candidate, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range o.offered {
		if k.label == o.trial || slices.Contains(o.accepted, k.label) {
			return k, true
		}
	}
	return candidate{}, false
}

// sameWords are reasons that a server keeps for itself.
const sameWords = "an account that is locked or expired, a missing login shell and a home directory that others may write to are refused in the same words"

// failure is the error for a login that the server refused.
func (o *offer) failure(cause error) *Error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	e := &Error{Phase: PhaseAuth, Hint: o.set.hint, Err: cause}
	labels := o.labels()
	switch {
	case len(o.accepted) > 0 && !o.wrong && !o.answered:
		e.Reason = fmt.Sprintf("%s accepted as %s, but the server wants %s too", strings.Join(o.accepted, ", "), o.s.User,
			excerptText(strings.Join(o.methods, " or ")))
		e.Hint = "allow this user to log in with a key alone" + o.orTerminal()
		return e
	case len(o.methods) > 0 && !slices.Contains(o.methods, methodKey) && len(labels) == 0:
		e.Reason = fmt.Sprintf("server takes no keys, only %s", excerptText(strings.Join(o.methods, ", ")))
		e.Hint = "set PubkeyAuthentication yes in the server's sshd_config" + o.orTerminal()
		return e
	case !slices.Contains(o.s.methods(), methodKey) && len(labels) == 0:
		e.Reason = fmt.Sprintf("ssh_config allows no keys for this host, only %s", strings.Join(o.s.methods(), ", "))
		e.Hint = "set PubkeyAuthentication yes and PreferredAuthentications publickey for it" + o.orTerminal()
		return e
	case len(labels) == 0:
		e.Reason = fmt.Sprintf("no key to offer as %s", o.s.User)
	default:
		e.Reason = fmt.Sprintf("server refused %s as %s", strings.Join(labels, ", "), o.s.User)
	}
	if o.wrong {
		e.Reason += "; the password is tried on no other host"
	}
	if n := len(o.set.keys) - len(o.offered); n > 0 && len(o.offered) == maxKeysOffered {
		e.Reason += fmt.Sprintf(" (%d more keys not offered)", n)
		if e.Hint == "" {
			e.Hint = "name the right key with identity_file or IdentityFile"
		}
	}
	if all := slices.Concat(o.notes, o.set.notes); len(all) > 0 {
		e.Reason += "; " + strings.Join(all, "; ")
	}
	o.advise(e, len(labels) == 0)
	return e
}

// labels are what was offered, in the words of errors.
func (o *offer) labels() (labels []string) {
	for _, k := range o.offered {
		labels = append(labels, k.label)
	}
	for _, l := range []struct {
		refused bool
		label   string
	}{{o.wrong, "the password"}, {o.answered && !o.wrong, "the answers"}} {
		switch n := len(labels); {
		case l.refused && n > 0:
			labels[n-1] += " and " + l.label
		case l.refused:
			labels = []string{l.label}
		}
	}
	return labels
}

// advise gives a hint to an error that has none.
func (o *offer) advise(e *Error, nothing bool) {
	switch {
	case o.wrong:
		e.Hint = o.set.use.wrong
	case o.answered:
		e.Hint = "run it again and answer anew"
	case e.Hint != "":
	case nothing:
		e.Hint = "name a private key with --identity FILE, or load one: ssh-add FILE"
	default:
		port := ""
		if o.s.Port != 22 {
			port = fmt.Sprintf("-p %d ", o.s.Port)
		}
		e.Hint = fmt.Sprintf("check user and key: ssh -v %s%s; %s", port, quoteWord(o.s.User+"@"+o.s.Address), sameWords)
	}
}

// orTerminal is the end of a hint where nobody could be asked.
func (o *offer) orTerminal() string {
	if o.set.ask != nil {
		return ""
	}
	return ", or run it on a terminal, where it is asked for"
}
