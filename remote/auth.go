package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// maxKeysOffered keeps below MaxAuthTries of sshd_config(5), 6 by default: a
// server that counts too many failures says nothing useful any more, and its
// fail2ban may lock us out.
const maxKeysOffered = 5

// keyring holds all keys in use, shared by all hosts.
type keyring struct {
	ask    func(string) ([]byte, error)
	agents agents

	mu     sync.Mutex
	files  map[string]*keyFile
	worked map[string]string // by user: the key that let us in last
}

// candidate is one key to offer, with the words it is named by in errors.
type candidate struct {
	signer ssh.Signer
	label  string
}

// keySet is what can be offered to a host.
type keySet struct {
	keys  []candidate
	notes []string // why others cannot
	hint  string   // how they could
}

func (c candidate) blob() string { return string(c.signer.PublicKey().Marshal()) }

// keysFor lists the keys to offer to a host, in order, and notes about those
// that cannot be used. It asks for passphrases, so no deadline of a host is
// running yet.
func (r *keyring) keysFor(ctx context.Context, s *Settings) keySet {
	var (
		keys  []candidate
		notes []string
		hint  string
	)
	var held []ssh.Signer
	if s.IdentityAgent != "" {
		var err error
		if held, err = r.agents.signers(ctx, s.IdentityAgent); err != nil {
			notes = append(notes, err.Error())
		}
	}
	add := func(c candidate) {
		if !slices.ContainsFunc(keys, func(k candidate) bool { return k.blob() == c.blob() }) {
			keys = append(keys, c)
		}
	}
	others := func() {
		if s.IdentitiesOnly {
			return
		}
		for _, h := range held {
			add(candidate{h, "agent key " + ssh.FingerprintSHA256(h.PublicKey())})
		}
	}
	// Unlike ssh, keys that were named come before all that the agent holds:
	// a full agent then does not use up the tries.
	if s.DefaultIdentities {
		others()
	}
	for _, path := range s.IdentityFiles {
		f := r.file(path)
		if i := slices.IndexFunc(held, func(h ssh.Signer) bool { return f.public != nil && sameKey(h.PublicKey(), f.public) }); i >= 0 {
			add(candidate{held[i], path + " (agent)"})
			continue
		}
		signer, err := r.open(ctx, f, s.DefaultIdentities && len(keys) > 0)
		if err == nil {
			add(candidate{signer, path})
			continue
		}
		if s.DefaultIdentities && isMissing(err) {
			continue
		}
		notes = append(notes, path+" "+err.Error())
		if hint == "" {
			hint = r.keyHint(f)
		}
	}
	if !s.DefaultIdentities {
		others()
	}
	return keySet{r.lastFirst(s.User, keys), notes, hint}
}

func (r *keyring) keyHint(f *keyFile) string {
	switch {
	case f.hint != "":
		return f.hint
	case f.locked != nil && r.ask == nil:
		return "ssh-add " + quoteWord(f.path) + " (nobody to ask for the passphrase here)"
	}
	return ""
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func sameKey(a, b ssh.PublicKey) bool { return string(a.Marshal()) == string(b.Marshal()) }

// open makes a key file usable; reluctant does not ask for a passphrase.
func (r *keyring) open(ctx context.Context, f *keyFile, reluctant bool) (ssh.Signer, error) {
	signer, err := f.usable()
	if err == nil || f.locked == nil || r.ask == nil || reluctant {
		return signer, err
	}
	if err := f.ask(ctx, r.ask); err != nil {
		return nil, err
	}
	return f.usable()
}

func (r *keyring) file(path string) *keyFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.files[path]
	if !ok {
		f = readKeyFile(path)
		if r.files == nil {
			r.files = map[string]*keyFile{}
		}
		r.files[path] = f
	}
	return f
}

// lastFirst moves the key that worked for this user on another host to the
// front: each refused key costs a round trip and a mark in the host's log.
func (r *keyring) lastFirst(user string, keys []candidate) []candidate {
	r.mu.Lock()
	worked := r.worked[user]
	r.mu.Unlock()
	i := slices.IndexFunc(keys, func(k candidate) bool { return k.blob() == worked })
	if i <= 0 {
		return keys
	}
	return slices.Concat(keys[i:i+1], keys[:i], keys[i+1:])
}

func (r *keyring) remember(user string, c candidate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.worked == nil {
		r.worked = map[string]string{}
	}
	r.worked[user] = c.blob()
}

// offer is one login: it hands out one key at a time. x/crypto/ssh takes only
// the first method of a kind, and one signature that fails ends that method.
type offer struct {
	ctx context.Context
	set keySet

	mu      sync.Mutex
	started bool
	offered []candidate
	notes   []string // about keys that could not sign
	methods []string // what the server takes
	partial bool     // a key was right and the server wants more
	refused bool     // the server answered, and there is nothing more to offer
}

// next is the ClientConfig.AuthCallback. No method and no error make the
// library return the error it has, which tells a lost connection from a
// refusal; an error of ours would hide it.
func (o *offer) next(c *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started, o.methods = true, c.AllowedMethods
	if len(c.PartialSuccessMethods) > 0 {
		o.partial, o.refused = true, true
		return nil, nil
	}
	n := len(o.offered)
	if n == len(o.set.keys) || n == maxKeysOffered || !slices.Contains(c.AllowedMethods, "publickey") {
		o.refused = len(c.AllowedMethods) > 0
		return nil, nil
	}
	k := o.set.keys[n]
	o.offered = append(o.offered, k)
	as, ok := k.signer.(ssh.AlgorithmSigner)
	if !ok {
		return ssh.PublicKeys(k.signer), nil
	}
	return ssh.PublicKeys(boundSigner{as, o.ctx, func(err error) { o.note(k, err) }}), nil
}

func (o *offer) note(k candidate, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notes = append(o.notes, fmt.Sprintf("%s could not sign: %v", k.label, err))
}

// last is the key that let us in, if any did.
func (o *offer) last() (candidate, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.offered) == 0 {
		return candidate{}, false
	}
	return o.offered[len(o.offered)-1], true
}

// sameWords are reasons that a server keeps for itself.
const sameWords = "an account that is locked or expired, a missing login shell and a home directory that others may write to are refused in the same words"

// failure is the error for a login that the server refused.
func (o *offer) failure(s *Settings, cause error) *Error {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := &Error{Phase: PhaseAuth, Hint: o.set.hint, Err: cause}
	var labels []string
	for _, k := range o.offered {
		labels = append(labels, k.label)
	}
	switch {
	case o.partial:
		e.Reason = fmt.Sprintf("%s accepted as %s, but the server wants %s too", labels[len(labels)-1], s.User, strings.Join(o.methods, " or "))
		e.Hint = "allow this user to log in with a key alone; only keys are offered"
		return e
	case len(o.methods) > 0 && !slices.Contains(o.methods, "publickey"):
		e.Reason = fmt.Sprintf("server takes no keys, only %s", excerptText(strings.Join(o.methods, ", ")))
		e.Hint = "set PubkeyAuthentication yes in the server's sshd_config; only keys are offered"
		return e
	case len(labels) == 0:
		e.Reason = fmt.Sprintf("no key to offer as %s", s.User)
	default:
		e.Reason = fmt.Sprintf("server refused %s as %s", strings.Join(labels, ", "), s.User)
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
	if e.Hint == "" && len(labels) == 0 {
		e.Hint = "name a private key with --identity FILE, or load one: ssh-add FILE"
	}
	if e.Hint == "" {
		port := ""
		if s.Port != 22 {
			port = fmt.Sprintf("-p %d ", s.Port)
		}
		e.Hint = fmt.Sprintf("check user and key: ssh -v %s%s; %s", port, quoteWord(s.User+"@"+s.Address), sameWords)
	}
	return e
}
