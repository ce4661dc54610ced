package remote

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// revokedFile is one file of RevokedHostKeys: public keys, one a line, or a
// revocation list that ssh-keygen -k made.
type revokedFile struct {
	path string
	keys map[string]int // line by key
	list *keyList       // nil for a file of lines
}

// readRevokedFiles reads all files. One that is missing or that cannot be
// understood whole is an error, as for ssh, which then refuses every host: a
// key that was stolen may stand in it.
func readRevokedFiles(paths []string) (files []revokedFile, err error) {
	for _, path := range paths {
		text, err := readBounded(path, maxKnownHosts)
		if err != nil {
			return nil, err
		}
		f := revokedFile{path: path}
		if bytes.HasPrefix(text, []byte(keyListMagic)) {
			f.list, err = parseKeyList(text)
		} else {
			f.keys, err = parseRevokedKeys(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// revokedFiles are read by the first who needs them.
type revokedFiles struct {
	once  sync.Once
	files []revokedFile
	err   error
}

func (n *Native) revokedFor(paths []string) ([]revokedFile, error) {
	name := strings.Join(paths, "\x00")
	n.mu.Lock()
	r, ok := n.revoked[name]
	if !ok {
		r = &revokedFiles{}
		n.revoked[name] = r
	}
	n.mu.Unlock()
	r.once.Do(func() { r.files, r.err = readRevokedFiles(paths) })
	return r.files, r.err
}

// parseRevokedKeys reads lines of keytype base64-key [comment].
func parseRevokedKeys(text []byte) (map[string]int, error) {
	keys := map[string]int{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 2 {
			return nil, fmt.Errorf("line %d: want a key type and a key", n)
		}
		blob, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil {
			return nil, fmt.Errorf("line %d: the key is not base64", n)
		}
		key, err := ssh.ParsePublicKey(blob)
		if err != nil || key.Type() != fields[0] {
			return nil, fmt.Errorf("line %d: not a %.40q key", n, fields[0])
		}
		keys[string(plainKey(key).Marshal())] = n
	}
	return keys, nil
}

// check refuses a host's key, a certificate for it, and what a revoked
// authority signed.
func (f *revokedFile) check(key ssh.PublicKey) *Error {
	c, isCert := key.(*ssh.Certificate)
	if e := f.checkKey("host key", plainKey(key)); e != nil || !isCert {
		return e
	}
	if e := f.checkKey("authority of the host certificate", c.SignatureKey); e != nil {
		return e
	}
	if f.list != nil && f.list.hasCert(c) {
		return &Error{Phase: PhaseHostKey, Kind: KindRevokedKey, Reason: fmt.Sprintf("%s is revoked by %s", certName(c), f.path),
			Hint: "do not log in; ask who runs the host for its new key"}
	}
	return nil
}

func (f *revokedFile) checkKey(what string, key ssh.PublicKey) *Error {
	by := f.path
	blob := key.Marshal()
	line, listed := f.keys[string(blob)]
	switch {
	case listed:
		by = place{f.path, line}.String()
	case f.list == nil || !f.list.hasKey(blob):
		return nil
	}
	return revokedKey(what, key, by)
}

var errKeyList = errors.New("not a revocation list that can be read")
