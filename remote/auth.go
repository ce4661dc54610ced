package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
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
	certs  map[string]certFile
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
	respondent
}

// suffices is false if there is nothing to log in with.
func (k keySet) suffices(s *Settings) bool {
	return slices.ContainsFunc(s.methods(), func(m string) bool { return m == methodKey && len(k.keys) > 0 || m != methodKey && k.ask != nil })
}

func (c candidate) blob() string { return string(c.signer.PublicKey().Marshal()) }

// keysFor lists the keys to offer to a host, in order, and notes about those
// that cannot be used. It asks for passphrases, so no deadline of a host is
// running yet.
//
// Certificates are those that ssh(1) would offer (load_public_identity_files
// and pubkey_prepare of OpenSSH): CertificateFile first, or else the one beside
// each key file, and what the agent holds. One that cannot let us in is left
// out, where ssh would spend a try on it.
func (r *keyring) keysFor(ctx context.Context, s *Settings) keySet {
	var set keySet
	var held []ssh.Signer
	if s.IdentityAgent != "" {
		var err error
		if held, err = r.agents.signers(ctx, s.IdentityAgent); err != nil {
			set.notes = append(set.notes, err.Error())
		}
	}
	others := func() {
		if s.IdentitiesOnly {
			return
		}
		for _, h := range held {
			set.take(heldKey(h))
		}
	}
	// Unlike ssh, keys that were named come before all that the agent holds:
	// a full agent then does not use up the tries.
	if s.DefaultIdentities {
		others()
	}
	for _, path := range s.IdentityFiles {
		r.takeFile(ctx, s, path, held, &set)
	}
	if !s.DefaultIdentities {
		others()
	}
	named := keySet{notes: set.notes, hint: set.hint}
	for _, path := range s.CertificateFiles {
		named.take(r.certificate(path, path+".pub").offer(set.keys...))
	}
	for _, k := range set.keys {
		named.take(k, nil)
	}
	named.keys = r.lastFirst(s.User, named.keys)
	return named
}

// takeFile adds the key of a file and the certificate beside it.
func (r *keyring) takeFile(ctx context.Context, s *Settings, path string, held []ssh.Signer, set *keySet) {
	f := r.file(path)
	key := candidate{label: path}
	var err error
	if i := slices.IndexFunc(held, func(h ssh.Signer) bool { return f.public != nil && sameKey(h.PublicKey(), f.public) }); i >= 0 {
		key = candidate{held[i], path + " (agent)"}
	} else {
		key.signer, err = r.open(ctx, f, s.DefaultIdentities && len(set.keys) > 0)
	}
	switch {
	case err == nil:
		set.take(key, nil)
	case s.DefaultIdentities && isMissing(err):
		return
	default:
		set.take(key, fmt.Errorf("%s %w", path, err))
		set.hint = cmp.Or(set.hint, r.keyHint(f))
		return
	}
	if len(s.CertificateFiles) > 0 {
		return
	}
	if c := r.certificate(path + "-cert.pub"); !isMissing(c.err) {
		set.take(c.offer(key))
	}
}

// take adds what can be offered, or a note why it cannot. A certificate goes
// before the key it is for.
func (k *keySet) take(c candidate, err error) {
	if err != nil {
		k.notes = append(k.notes, err.Error())
		return
	}
	at := len(k.keys)
	for i, have := range k.keys {
		if have.blob() == c.blob() {
			return
		}
		if at == len(k.keys) && isCert(c.signer.PublicKey()) && sameKey(have.signer.PublicKey(), plainKey(c.signer.PublicKey())) {
			at = i
		}
	}
	k.keys = slices.Insert(k.keys, at, c)
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
