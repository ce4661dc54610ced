package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
)

// keyFile is a private key on disk, read once for all hosts.
type keyFile struct {
	path   string
	public ssh.PublicKey // nil if only the passphrase would tell
	signer ssh.Signer    // nil if encrypted, or err
	locked []byte        // the encrypted key
	err    error         // why the key cannot be used
	hint   string

	asking sync.Mutex // one question at a time, and its answer for all
	asked  bool
}

// maxKeyFile bounds a private key; real ones are below 20 KiB.
const maxKeyFile = 1 << 20

func readKeyFile(path string) *keyFile {
	k := &keyFile{path: path}
	st, err := os.Stat(path)
	if err != nil {
		k.err = withoutPath(err)
		return k
	}
	text, err := readBounded(path, maxKeyFile)
	if err != nil {
		k.err = withoutPath(err)
		return k
	}
	// A public key stands for the private one in the agent, as with ssh.
	if public, _, _, _, err := ssh.ParseAuthorizedKey(text); err == nil {
		k.public, k.err = public, errors.New("is a public key and the agent does not hold its private key")
		return k
	}
	k.parse(text)
	if ownedByUs(st) && st.Mode().Perm()&0o077 != 0 {
		k.signer, k.locked = nil, nil
		k.err = fmt.Errorf("permissions %#o are too open", st.Mode().Perm())
		k.hint = "chmod 600 " + quoteWord(path)
	}
	return k
}

func withoutPath(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (k *keyFile) parse(text []byte) {
	raw, err := ssh.ParseRawPrivateKey(text)
	var missing *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &missing):
		k.locked, k.public = text, missing.PublicKey
		if k.public == nil {
			k.public = publicBeside(k.path)
		}
		k.err = errors.New("has a passphrase")
	case err != nil:
		k.public = publicBeside(k.path)
		k.err = errors.New("is not a private key that can be read")
	default:
		k.unlock(raw)
	}
}

func (k *keyFile) unlock(raw any) {
	signer, err := ssh.NewSignerFromKey(raw)
	if err == nil {
		signer, err = withoutSHA1(signer)
	}
	if err != nil {
		k.err = errors.New("is a key of a type that is not supported")
		return
	}
	k.signer, k.public, k.err = signer, signer.PublicKey(), nil
}

// publicBeside is the key of PATH.pub, nil if there is none.
func publicBeside(path string) ssh.PublicKey {
	text, err := readBounded(path+".pub", maxKeyFile)
	if err != nil {
		return nil
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil
	}
	return public
}

// withoutSHA1 keeps RSA signers to SHA-2: a server that does not say what it
// takes would else get ssh-rsa.
func withoutSHA1(s ssh.Signer) (ssh.Signer, error) {
	if plainKey(s.PublicKey()).Type() != ssh.KeyAlgoRSA {
		return s, nil
	}
	as, ok := s.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("an RSA key that can only sign with SHA-1")
	}
	sha2, err := ssh.NewSignerWithAlgorithms(as, rsaAlgorithms())
	if err != nil {
		return nil, err
	}
	return rsaSigner{sha2, as}, nil
}

// rsaSigner signs with SHA-2, and can sign with SHA-1 for an old server.
type rsaSigner struct {
	ssh.MultiAlgorithmSigner
	any ssh.AlgorithmSigner
}

// withSHA1 is a signer for an old server, which takes nothing better.
func withSHA1(s ssh.Signer) ssh.Signer {
	r, ok := s.(rsaSigner)
	if !ok {
		return s
	}
	old, err := ssh.NewSignerWithAlgorithms(r.any, append(rsaAlgorithms(), ssh.KeyAlgoRSA))
	if err != nil {
		return s
	}
	return old
}

// passphraseTries is how often a mistyped passphrase is asked for, as ssh does.
const passphraseTries = 3

// ask makes an encrypted key usable by asking for its passphrase, once for
// all hosts; the others wait for the answer. It returns when ctx ends, but
// then leaves the question on the terminal.
func (k *keyFile) ask(ctx context.Context, ask func(string) ([]byte, error)) error {
	done := make(chan error, 1)
	go func() {
		k.asking.Lock()
		defer k.asking.Unlock()
		if !k.asked && ctx.Err() == nil {
			k.asked = true
			k.decrypt(ask)
		}
		done <- k.err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *keyFile) decrypt(ask func(string) ([]byte, error)) {
	for range passphraseTries {
		phrase, err := ask(k.path)
		if err != nil {
			k.err = fmt.Errorf("has a passphrase: %w", err)
			return
		}
		raw, err := ssh.ParseRawPrivateKeyWithPassphrase(k.locked, phrase)
		clear(phrase)
		if err == nil {
			k.unlock(raw)
			return
		}
		if !errors.Is(err, x509.IncorrectPasswordError) {
			k.err = errors.New("is damaged: the passphrase does not open it")
			return
		}
	}
	k.err = errors.New("has a passphrase, and what was typed is not it")
}

// usable gives the signer if the key has one by now.
func (k *keyFile) usable() (ssh.Signer, error) {
	k.asking.Lock()
	defer k.asking.Unlock()
	return k.signer, k.err
}
