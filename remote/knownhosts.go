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
// certificate authorities for keys of hosts, and cannot say which algorithms
// a host is known by, without which a server that has several keys presents
// one the file does not have.
type hostKeys struct {
	files    []string
	warnings []string
	end      int64 // how much of the first file was read; record moves it

	mu       sync.RWMutex
	byName   map[string][]*keyLine // entries of plain names
	patterns []*keyLine            // wildcards and negations
	hashed   []*keyLine
	revoked  map[string][]*keyLine // by key, whatever the names: see revocation
	found    map[string]knownKeys  // answers given
}

// knownKeys is what the files say about one name.
type knownKeys struct {
	keys        []*keyLine
	authorities []*keyLine
}

// readHostKeys indexes files. Missing ones are empty; lines that cannot be
// read are skipped with a warning, as ssh does.
func readHostKeys(files []string) (*hostKeys, error) {
	k := &hostKeys{files: files, byName: map[string][]*keyLine{}, revoked: map[string][]*keyLine{}, found: map[string]knownKeys{}}
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
	switch {
	case e.marker == "revoked":
		k.revoked[e.blob] = append(k.revoked[e.blob], e)
	case e.literal():
		for _, n := range e.names {
			k.byName[n] = append(k.byName[n], e)
		}
	case e.names == nil:
		k.hashed = append(k.hashed, e)
	default:
		k.patterns = append(k.patterns, e)
	}
}

// lookup finds the entries of a name. A name costs one pass over the hashed
// lines, once.
func (k *hostKeys) lookup(name string) knownKeys {
	k.mu.RLock()
	known, ok := k.found[name]
	if !ok {
		known = k.search(name)
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

func (k *hostKeys) search(name string) (known knownKeys) {
	take := func(e *keyLine) {
		if e.marker == "cert-authority" {
			known.authorities = append(known.authorities, e)
			return
		}
		known.keys = append(known.keys, e)
	}
	for _, e := range k.byName[name] {
		take(e)
	}
	for _, list := range [][]*keyLine{k.patterns, k.hashed} {
		for _, e := range list {
			if e.matches(name) {
				take(e)
			}
		}
	}
	return known
}

// revocation is the line that revokes a key for a name. A key listed as
// revoked for any host is refused for all: it is known to be stolen.
func (k *hostKeys) revocation(blob string) *keyLine {
	if lines := k.revoked[blob]; len(lines) > 0 {
		return lines[0]
	}
	return nil
}

// check judges the key a host presents under a name; address and port are for
// the fall-back to entries without a port.
func (k *hostKeys) check(s *Settings, key ssh.PublicKey) *Error {
	blob, name := string(key.Marshal()), s.lookupName()
	got := key.Type() + " " + ssh.FingerprintSHA256(key)
	if e := k.revocation(blob); e != nil {
		return &Error{Phase: PhaseHostKey, Kind: KindRevokedKey, Reason: fmt.Sprintf("host key %s is revoked by %s", got, e.place),
			Hint: "do not log in; ask who runs the host for its new key"}
	}
	known := k.lookup(name)
	if slices.ContainsFunc(known.keys, func(e *keyLine) bool { return e.blob == blob }) {
		return nil
	}
	if len(known.keys) == 0 && s.HostKeyAlias == "" && s.Port != 22 {
		// As ssh does: a host known without a port is known on all ports, but
		// another key there proves nothing about this port.
		plain := k.lookup(bracketed(s.Address, 22))
		if slices.ContainsFunc(plain.keys, func(e *keyLine) bool { return e.blob == blob }) {
			return nil
		}
	}
	switch {
	case len(known.keys) > 0:
		return changedKey(name, known.keys, key.Type(), got)
	case len(known.authorities) > 0:
		return &Error{Phase: PhaseHostKey, Reason: fmt.Sprintf("%s: host certificates are not accepted yet, and the plain host key %s is not in known_hosts",
			known.authorities[0].place, got), Hint: "rerun with --accept-new, or add the key: " + keyscan(s, k.files)}
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
