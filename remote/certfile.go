package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/crypto/ssh"
)

// certFile is a certificate of a user's key on disk, read once for all hosts.
type certFile struct {
	path string
	cert *ssh.Certificate
	err  error
}

// readCertFile reads the first of paths that is there.
func readCertFile(paths ...string) (f certFile) {
	for _, path := range paths {
		text, err := readBounded(path, maxKeyFile)
		if f = (certFile{path: path, err: err}); err != nil {
			f.err = withoutPath(err)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return f
		}
		public, _, _, _, err := ssh.ParseAuthorizedKey(text)
		if f.cert, _ = public.(*ssh.Certificate); err != nil || f.cert == nil {
			f.err = errors.New("is not a certificate that can be read")
		}
		return f
	}
	return f
}

// certificate is the certificate in the first of paths that is there.
func (r *keyring) certificate(paths ...string) certFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.certs[paths[0]]
	if !ok {
		f = readCertFile(paths...)
		if r.certs == nil {
			r.certs = map[string]certFile{}
		}
		r.certs[paths[0]] = f
	}
	return f
}

// offer pairs the certificate with the first of keys it is for.
func (f certFile) offer(keys ...candidate) (candidate, error) {
	label := "certificate " + f.path
	if f.err != nil {
		return candidate{}, fmt.Errorf("%s %w", label, f.err)
	}
	if why := unfit(f.cert, ssh.UserCert, time.Now()); why != "" {
		return candidate{}, fmt.Errorf("%s %s", label, why)
	}
	for _, k := range keys {
		if !sameKey(k.signer.PublicKey(), f.cert.Key) {
			continue
		}
		signer, err := ssh.NewCertSigner(f.cert, k.signer)
		if err != nil {
			return candidate{}, fmt.Errorf("%s %w", label, err)
		}
		return candidate{signer, label}, nil
	}
	return candidate{}, fmt.Errorf("%s is for a key that is not at hand, %s", label, ssh.FingerprintSHA256(f.cert.Key))
}

// heldKey is a key or certificate of the agent.
func heldKey(s ssh.Signer) (candidate, error) {
	cert, ok := s.PublicKey().(*ssh.Certificate)
	if !ok {
		return candidate{s, "agent key " + ssh.FingerprintSHA256(s.PublicKey())}, nil
	}
	label := fmt.Sprintf("agent certificate %s of %s", excerpt([]byte(cert.KeyId)), ssh.FingerprintSHA256(cert.Key))
	if why := unfit(cert, ssh.UserCert, time.Now()); why != "" {
		return candidate{}, fmt.Errorf("%s %s", label, why)
	}
	return candidate{s, label}, nil
}

// unfit says why a certificate is of no use as one of a kind now, "" if it may
// be. The times are those of sshkey_cert_check_authority in OpenSSH.
func unfit(c *ssh.Certificate, kind uint32, now time.Time) string {
	unix := uint64(now.Unix())
	switch {
	case c.CertType != kind && kind == ssh.UserCert:
		return "is for hosts, not for users"
	case c.CertType != kind:
		return "is for users, not for hosts"
	case unix < c.ValidAfter:
		return "is not valid before " + certTime(c.ValidAfter, now)
	case unix >= c.ValidBefore:
		return "expired " + certTime(c.ValidBefore, now)
	}
	return ""
}

// certTime is a time of a certificate: the day, or to the minute within two
// days of now.
func certTime(seconds uint64, now time.Time) string {
	const year9999 = 253402300799
	t := time.Unix(int64(min(seconds, year9999)), 0).UTC()
	if d := t.Sub(now); d > -48*time.Hour && d < 48*time.Hour {
		return t.Format("2006-01-02 15:04 UTC")
	}
	return t.Format(time.DateOnly)
}

func isCert(k ssh.PublicKey) bool { _, ok := k.(*ssh.Certificate); return ok }

// plainKey is the key that a certificate is for, and any other key itself.
func plainKey(k ssh.PublicKey) ssh.PublicKey {
	if c, ok := k.(*ssh.Certificate); ok {
		return c.Key
	}
	return k
}
