package remote

import (
	"slices"

	"golang.org/x/crypto/ssh"
)

// What is offered is named here and not left to the library's defaults, which
// still hold SHA-1 key exchange and MACs. group16 and group exchange are left
// out for their cost: a host may force them, and 41 ms of processor a host is
// more than all the rest.
func keyExchanges() []string {
	return []string{
		ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519,
		ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521, ssh.KeyExchangeDH14SHA256,
	}
}

func ciphers() []string {
	return []string{
		ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305,
		ssh.CipherAES128CTR, ssh.CipherAES192CTR, ssh.CipherAES256CTR,
	}
}

func macs() []string {
	return []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM, ssh.HMACSHA256, ssh.HMACSHA512}
}

// rsaAlgorithms sign with RSA keys without SHA-1 (RFC 8332).
func rsaAlgorithms() []string { return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256} }

// hostKeyOrder is the order for hosts that are not known.
func hostKeyOrder() []string {
	return append([]string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}, rsaAlgorithms()...)
}

// hostKeyAlgorithms puts the algorithms a host is known by first: a server
// with several keys presents the first that suits, and it must be one that
// can be compared.
func (k *hostKeys) hostKeyAlgorithms(s *Settings) []string {
	known := k.lookup(s.lookupName()).keys
	if len(known) == 0 && s.HostKeyAlias == "" && s.Port != 22 {
		known = k.lookup(bracketed(s.Address, 22)).keys
	}
	types := map[string]bool{}
	for _, e := range known {
		types[e.keyType] = true
	}
	all := hostKeyOrder()
	rank := func(a string) int {
		if types[a] || types[ssh.KeyAlgoRSA] && slices.Contains(rsaAlgorithms(), a) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b string) int { return rank(a) - rank(b) })
	return all
}
