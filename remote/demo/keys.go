package demo

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// KeyType names a type of key that [NewKey] makes.
type KeyType string

// Key types.
const (
	Ed25519 KeyType = "ed25519"
	ECDSA   KeyType = "ecdsa" // on the curve P-256
	RSA     KeyType = "rsa"   // 2048 bits
)

// NewKey makes a key that exists nowhere else.
func NewKey(t KeyType) (ssh.Signer, error) {
	key, err := newPrivateKey(t)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromSigner(key)
}

func newPrivateKey(t KeyType) (crypto.Signer, error) {
	switch t {
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case ECDSA:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RSA:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("key type %q is not one of %s, %s, %s", t, Ed25519, ECDSA, RSA)
}

// serverConfig is the library's configuration of a host, and the keys the
// host is known by.
func serverConfig(h Host) (*ssh.ServerConfig, []ssh.PublicKey, error) {
	present, published, err := hostKeys(h)
	if err != nil {
		return nil, nil, err
	}
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-tmdoctor_demo",
		PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			return nil, h.authorize(meta.User(), key)
		},
	}
	config.KeyExchanges = h.Behave.KeyExchanges
	if h.Behave.Fault == LegacyAlgorithms {
		config.KeyExchanges = []string{ssh.InsecureKeyExchangeDH1SHA1}
	}
	for _, k := range present {
		config.AddHostKey(k)
	}
	if h.Configure != nil {
		h.Configure(config)
	}
	return config, published, nil
}

// hostKeys are the keys a host presents and the keys it is known by.
func hostKeys(h Host) (present []ssh.Signer, published []ssh.PublicKey, err error) {
	present = h.HostKeys
	switch {
	case h.Behave.Fault == LegacyAlgorithms:
		k, err := legacyKey()
		if err != nil {
			return nil, nil, err
		}
		present = []ssh.Signer{k}
	case len(present) == 0:
		k, err := NewKey(Ed25519)
		if err != nil {
			return nil, nil, err
		}
		present = []ssh.Signer{k}
	}
	for _, k := range present {
		published = append(published, k.PublicKey())
	}
	if h.Behave.Fault == OtherHostKey {
		k, err := NewKey(Ed25519)
		if err != nil {
			return nil, nil, err
		}
		present = []ssh.Signer{k}
	}
	return present, published, nil
}

// legacyKey is an RSA key that signs with SHA-1 only, as servers before
// RFC 8332 do.
func legacyKey() (ssh.Signer, error) {
	k, err := NewKey(RSA)
	if err != nil {
		return nil, err
	}
	as, ok := k.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("an RSA key cannot choose its algorithm")
	}
	return ssh.NewSignerWithAlgorithms(as, []string{ssh.KeyAlgoRSA})
}

var errNotAuthorized = errors.New("key is not authorized")

// authorize judges a login.
func (h Host) authorize(user string, key ssh.PublicKey) error {
	if h.User != "" && user != h.User {
		return errNotAuthorized
	}
	blob := key.Marshal()
	for _, k := range h.AuthorizedKeys {
		if bytes.Equal(k.Marshal(), blob) {
			return nil
		}
	}
	return errNotAuthorized
}
