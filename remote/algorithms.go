package remote

import (
	"slices"
	"strings"

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

// orLegacy is a list with what old servers need behind it: all that the
// library knows and we do not offer of our own accord.
func orLegacy(ours []string, kind func(ssh.Algorithms) []string) []string {
	for _, a := range slices.Concat(kind(ssh.SupportedAlgorithms()), kind(ssh.InsecureAlgorithms())) {
		if !slices.Contains(ours, a) {
			ours = append(ours, a)
		}
	}
	return ours
}

// offered is what is offered to a server.
func offered(legacy bool) ssh.Config {
	if !legacy {
		return ssh.Config{KeyExchanges: keyExchanges(), Ciphers: ciphers(), MACs: macs()}
	}
	return ssh.Config{
		KeyExchanges: orLegacy(keyExchanges(), func(a ssh.Algorithms) []string { return a.KeyExchanges }),
		Ciphers:      orLegacy(ciphers(), func(a ssh.Algorithms) []string { return a.Ciphers }),
		MACs:         orLegacy(macs(), func(a ssh.Algorithms) []string { return a.MACs }),
	}
}

// legacyOf are those agreed on that are no longer safe, as "cipher aes128-cbc".
func legacyOf(n ssh.NegotiatedAlgorithms) (old []string) {
	unsafe := ssh.InsecureAlgorithms()
	for _, k := range []struct {
		name           string
		unsafe, agreed []string
	}{
		{"key exchange", unsafe.KeyExchanges, []string{n.KeyExchange}},
		{"host key", unsafe.HostKeys, []string{n.HostKey}},
		{"cipher", unsafe.Ciphers, []string{n.Write.Cipher, n.Read.Cipher}},
		{"MAC", append(unsafe.MACs, ssh.HMACSHA1), []string{n.Write.MAC, n.Read.MAC}},
	} {
		for _, a := range slices.Compact(k.agreed) {
			if slices.Contains(k.unsafe, a) {
				old = append(old, k.name+" "+a)
			}
		}
	}
	return old
}

// legacyHostKeys are plain keys that sign with SHA-1.
func legacyHostKeys() []string {
	return slices.DeleteFunc(ssh.InsecureAlgorithms().HostKeys, func(a string) bool { return strings.Contains(a, "-cert-") })
}

// rsaAlgorithms sign with RSA keys without SHA-1 (RFC 8332).
func rsaAlgorithms() []string { return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256} }

// hostKeyOrder is the order for hosts that are not known.
func hostKeyOrder() []string {
	return append([]string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}, rsaAlgorithms()...)
}

// hostKeyAlgorithms puts the algorithms a host is known by first: a server
// with several keys presents the first that suits, and it must be one that
// can be compared. Certificates come first where an authority may vouch for
// the host, and are not asked for elsewhere.
func (k *hostKeys) hostKeyAlgorithms(s *Settings) []string {
	known := k.lookup(s.lookupName())
	if len(known) == 0 && s.HostKeyAlias == "" && s.Port != 22 {
		known = k.lookup(bracketed(s.Address, 22))
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
	if len(k.authorities(s)) > 0 {
		all = append(hostCertAlgorithms(), all...)
	}
	if s.LegacyAlgorithms {
		all = append(all, legacyHostKeys()...)
	}
	return all
}
