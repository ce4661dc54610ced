package remote

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1" // the hash of known_hosts(5) names, not a matter of trust
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/ssh"
)

// record adds the key of an unknown host, or that in its certificate: in memory at once, so that two
// names of one host agree, and as one whole line at the end of the first
// file. It gives what check says if another host won the race for the name.
func (k *hostKeys) record(s *Settings, key ssh.PublicKey) (line string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key = plainKey(key)
	name := s.lookupName()
	if known := k.found[name]; len(known) > 0 {
		for _, e := range known {
			if e.blob == string(key.Marshal()) {
				return "", nil
			}
		}
		return "", changedKey(name, known, key.Type(), key.Type()+" "+ssh.FingerprintSHA256(key))
	}
	if len(k.files) == 0 {
		return "", &Error{Phase: PhaseHostKey, Reason: "no known_hosts file to record the key in", Hint: "name one with --known-hosts or UserKnownHostsFile in ssh_config"}
	}
	written := name
	if s.HashKnownHosts {
		written = hashedName(name)
	}
	text := written + " " + string(ssh.MarshalAuthorizedKey(key)) // ends in a newline
	e, err := parseKeyLine([]byte(text))
	if err != nil {
		return "", err
	}
	have := false
	end, err := appendLine(k.files[0], k.end, text, func(added []byte) (bool, error) {
		var err error
		have, err = k.since(added, name, key)
		return !have, err
	})
	var changed *Error
	switch {
	case errors.As(err, &changed):
		return "", changed
	case err != nil:
		return "", &Error{Phase: PhaseHostKey, Reason: "recording the host key: " + err.Error(), Err: err,
			Hint: "make the file writable, or set another UserKnownHostsFile in ssh_config"}
	}
	k.end = end
	if have {
		return "", nil
	}
	e.place = place{k.files[0], 0}
	k.add(&e)
	k.found[name] = append(k.found[name], &e)
	return fmt.Sprintf("recorded host key %s %s of %s in %s", key.Type(), ssh.FingerprintSHA256(key), name, k.files[0]), nil
}

// since takes in the lines that another run added since the file was read, and
// reports whether they hold the key already. Another key there is a changed
// one: two runs at once must not trust two keys.
func (k *hostKeys) since(added []byte, name string, key ssh.PublicKey) (have bool, err error) {
	for line := range bytes.Lines(added) {
		if e, err := parseKeyLine(line); err == nil && e.keyType != "" {
			e.place = place{k.files[0], 0}
			k.add(&e)
		}
	}
	clear(k.found)
	blob := string(key.Marshal())
	known := k.plain.search(name)
	switch {
	case len(k.revoked[blob]) == 0 && slices.ContainsFunc(known, func(e *keyLine) bool { return e.blob == blob }):
		return true, nil
	case len(known) > 0:
		return false, changedKey(name, known, key.Type(), key.Type()+" "+ssh.FingerprintSHA256(key))
	}
	return false, nil
}

// hashedName is a name as HashKnownHosts writes it.
func hashedName(name string) string {
	salt := make([]byte, sha1.Size)
	rand.Read(salt) // never fails
	hash := hashName(salt, name)
	return "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(hash[:])
}

// appendLine adds one whole line to a file under a lock that other runs of
// this program respect. The file is not replaced: it may be a symbolic link,
// and ssh may append to it at the same time. What stands behind seen is shown
// to ask first, which may decide that the line is not wanted. It gives the new
// end of the file.
func appendLine(path string, seen int64, line string, ask func(added []byte) (bool, error)) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	unlock, err := lockFile(f)
	if err != nil {
		return 0, err
	}
	defer unlock()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	if end > seen && end-seen <= maxKnownHosts {
		added := make([]byte, end-seen)
		if _, err := f.ReadAt(added, seen); err != nil {
			return 0, err
		}
		if wanted, err := ask(added); err != nil || !wanted {
			return end, err
		}
	}
	if end > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err != nil {
			return 0, err
		}
		if last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = f.WriteString(line)
	return end + int64(len(line)), err
}
