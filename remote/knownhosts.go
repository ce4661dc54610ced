package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// maxKnownHosts bounds one known_hosts file: 64 MiB are some 500,000 hosts.
const maxKnownHosts = 64 << 20

// hostKeys is an index over known_hosts files, read once and shared by all
// hosts.
//
// It is tempting to use golang.org/x/crypto/ssh/knownhosts. It refuses a whole
// file for one line it cannot read and a missing file too, takes 7 ms a host
// for ten thousand hashed lines, compares names by case, takes keys of
// certificate authorities for keys of hosts, knows no wildcards in the names of
// a certificate, and cannot say which algorithms a host is known by, without
// which a server that has several keys presents one the file does not have.
type hostKeys struct {
	files    []string
	warnings []string
	end      int64 // how much of the first file was read; record moves it

	mu        sync.RWMutex
	plain     nameIndex
	authority nameIndex             // of @cert-authority lines
	revoked   map[string][]*keyLine // by key, whatever the names: see revocation
	found     map[string][]*keyLine // answers given
}

// readHostKeys indexes files. Missing ones are empty; lines that cannot be
// read are skipped with a warning, as ssh does.
func readHostKeys(files []string) (*hostKeys, error) {
	k := &hostKeys{files: files, revoked: map[string][]*keyLine{}, found: map[string][]*keyLine{}}
	for _, file := range files {
		text, err := readBounded(file, maxKnownHosts)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if file == files[0] {
			k.end = int64(len(text))
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			e, err := parseKeyLine([]byte(line))
			at := place{file, n}
			if err != nil {
				k.warnings = append(k.warnings, fmt.Sprintf("%s: skipped: %v", at, err))
				continue
			}
			if e.keyType != "" {
				e.place = at
				k.add(&e)
			}
		}
	}
	return k, nil
}

func (k *hostKeys) add(e *keyLine) {
	switch e.marker {
	case "revoked":
		k.revoked[e.blob] = append(k.revoked[e.blob], e)
	case "cert-authority":
		k.authority.add(e)
	default:
		k.plain.add(e)
	}
}

// lookup finds the keys of a name. A name costs one pass over the hashed
// lines, once.
func (k *hostKeys) lookup(name string) []*keyLine {
	k.mu.RLock()
	known, ok := k.found[name]
	if !ok {
		known = k.plain.search(name)
	}
	k.mu.RUnlock()
	if ok {
		return known
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if earlier, ok := k.found[name]; ok {
		return earlier
	}
	k.found[name] = known
	return known
}

// revocation is the line that revokes a key for a name. A key listed as
// revoked for any host is refused for all: it is known to be stolen.
func (k *hostKeys) revocation(blob string) *keyLine {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if lines := k.revoked[blob]; len(lines) > 0 {
		return lines[0]
	}
	return nil
}

// check judges the key or certificate a host presents under a name; address and
// port are for the fall-back to entries without a port.
func (k *hostKeys) check(s *Settings, key ssh.PublicKey) *Error {
	if e := k.checkRevoked(key); e != nil {
		return e
	}
	var bad *Error
	if c, ok := key.(*ssh.Certificate); ok {
		if e := forged(c); e != nil {
			return e
		}
		var good bool
		if good, bad = k.vouched(s, c); good {
			return nil
		}
	}
	e := k.checkPlain(s, plainKey(key))
	switch {
	case e == nil || bad == nil:
		return e
	case e.Kind == KindChangedKey:
		e.Reason += "; " + bad.Reason
		return e
	}
	return bad
}

// checkRevoked refuses a key, and a certificate whose key or authority is
// revoked.
func (k *hostKeys) checkRevoked(key ssh.PublicKey) *Error {
	refused := []ssh.PublicKey{plainKey(key)}
	what := "host key"
	if c, ok := key.(*ssh.Certificate); ok {
		refused = append(refused, c.SignatureKey)
	}
	for _, key := range refused {
		if e := k.revocation(string(key.Marshal())); e != nil {
			return revokedKey(what, key, e.place.String())
		}
		what = "authority of the host certificate"
	}
	return nil
}

func revokedKey(what string, key ssh.PublicKey, by string) *Error {
	return &Error{Phase: PhaseHostKey, Kind: KindRevokedKey, Reason: fmt.Sprintf("%s %s %s is revoked by %s", what, key.Type(), ssh.FingerprintSHA256(key), by),
		Hint: "do not log in; ask who runs the host for its new key"}
}

func (k *hostKeys) checkPlain(s *Settings, key ssh.PublicKey) *Error {
	blob, name := string(key.Marshal()), s.lookupName()
	got := key.Type() + " " + ssh.FingerprintSHA256(key)
	same := func(e *keyLine) bool { return e.blob == blob }
	known := k.lookup(name)
	if slices.ContainsFunc(known, same) {
		return nil
	}
	// As ssh does: a host known without a port is known on all ports, but
	// another key there proves nothing about this port.
	if len(known) == 0 && s.HostKeyAlias == "" && s.Port != 22 && slices.ContainsFunc(k.lookup(bracketed(s.Address, 22)), same) {
		return nil
	}
	if len(known) > 0 {
		return changedKey(name, known, key.Type(), got)
	}
	if trusted := k.authorities(s); len(trusted) > 0 {
		return &Error{Phase: PhaseHostKey, Kind: KindUnknownKey,
			Reason: fmt.Sprintf("host key %s of %s is not in known_hosts; it shows no certificate of the authority of %s", got, name, trusted[0].place),
			Hint:   "set HostCertificate in the host's sshd_config, rerun with --accept-new, or add the key: " + keyscan(s, k.files)}
	}
	return &Error{Phase: PhaseHostKey, Kind: KindUnknownKey, Reason: fmt.Sprintf("host key %s of %s is not in known_hosts", got, name),
		Hint: "rerun with --accept-new, or compare the fingerprint and add the key: " + keyscan(s, k.files)}
}

// changedKey prefers the known key of the same type in what it says.
func changedKey(name string, known []*keyLine, keyType, got string) *Error {
	e := known[0]
	for _, k := range known {
		if k.keyType == keyType {
			e = k
			break
		}
	}
	return &Error{
		Phase: PhaseHostKey, Kind: KindChangedKey,
		Reason: fmt.Sprintf("host key changed: got %s, want %s %s (%s)", got, e.keyType, fingerprint(e.blob), e.place),
		Hint:   fmt.Sprintf("if the host was reinstalled: ssh-keygen -R %s -f %s; if not, somebody may be listening in", quoteWord(name), quoteWord(e.file)),
	}
}

func keyscan(s *Settings, files []string) string {
	file := "~/.ssh/known_hosts"
	if len(files) > 0 {
		file = quoteWord(files[0])
	}
	port := ""
	if s.Port != 22 {
		port = fmt.Sprintf("-p %d ", s.Port)
	}
	return fmt.Sprintf("ssh-keyscan %s%s >> %s", port, quoteWord(s.Address), file)
}

// quoteWord makes a word safe to copy into a shell.
func quoteWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
