package remote

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// hostCertAlgorithms are asked for where known_hosts names an authority.
func hostCertAlgorithms() []string {
	return []string{
		ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	}
}

// authoritySignatures are CASignatureAlgorithms of ssh_config(5) by default:
// none with SHA-1.
func authoritySignatures() []string {
	return append([]string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
	}, rsaAlgorithms()...)
}

// authorities are the @cert-authority lines about a host: of its name with the
// port, and, as ssh looks there too, of its name without.
func (k *hostKeys) authorities(s *Settings) []*keyLine {
	k.mu.RLock()
	defer k.mu.RUnlock()
	lines := k.authority.search(s.lookupName())
	if s.HostKeyAlias == "" && s.Port != 22 {
		lines = append(lines, k.authority.search(bracketed(s.Address, 22))...)
	}
	return lines
}

// vouched is true if an authority that is trusted for the host signed the
// certificate and all in it is as it must be. Else the error says what is
// wrong; it is nil if no authority is trusted for the host at all.
//
// The order is that of check_host_key in OpenSSH: a certificate that is not
// good is looked at as the plain key in it, so the caller goes on.
func (k *hostKeys) vouched(s *Settings, c *ssh.Certificate) (bool, *Error) {
	trusted := k.authorities(s)
	if len(trusted) == 0 {
		return false, nil
	}
	signer := string(c.SignatureKey.Marshal())
	i := slices.IndexFunc(trusted, func(e *keyLine) bool { return e.blob == signer })
	if i < 0 {
		return false, &Error{Phase: PhaseHostKey, Kind: KindUnknownKey,
			Reason: fmt.Sprintf("%s is signed by an authority that is not trusted for %s, %s %s; %s names %s", certName(c), s.lookupName(),
				c.SignatureKey.Type(), ssh.FingerprintSHA256(c.SignatureKey), trusted[0].place, fingerprint(trusted[0].blob)),
			Hint: fmt.Sprintf("if it is to be trusted: add its key to %s as a line @cert-authority %s KEY", quoteWord(trusted[0].file), s.lookupName())}
	}
	if why := hostCertFault(c, s.principal(), time.Now()); why != "" {
		return false, &Error{Phase: PhaseHostKey, Kind: KindBadCertificate,
			Reason: fmt.Sprintf("%s, signed by the authority of %s, %s", certName(c), trusted[i].place, why),
			Hint:   resign(s)}
	}
	return true, nil
}

// principal is the name of a host in its certificate: without the port and, but
// for an alias, in lower case.
func (s *Settings) principal() string {
	if s.HostKeyAlias != "" {
		return s.HostKeyAlias
	}
	return strings.ToLower(s.Address)
}

// resign is the hint for a host certificate that is not good.
func resign(s *Settings) string {
	name := quoteWord(s.principal())
	return fmt.Sprintf("sign the host's key anew: ssh-keygen -s CA -h -I %s -n %s HOSTKEY.pub, and restart its sshd", name, name)
}

func certName(c *ssh.Certificate) string {
	return fmt.Sprintf("host certificate %q (serial %d)", excerptText(c.KeyId), c.Serial)
}

// hostCertFault says what is wrong with a host certificate, "" if nothing is:
// the rules of sshkey_cert_check_host in OpenSSH, among them wildcards in the
// names. One that names no host was good for all until OpenSSH 10.3, and is
// good for none since.
func hostCertFault(c *ssh.Certificate, name string, now time.Time) string {
	if why := unfit(c, ssh.HostCert, now); why != "" {
		return why
	}
	if len(c.ValidPrincipals) == 0 {
		return "names no host"
	}
	if !slices.ContainsFunc(c.ValidPrincipals, func(p string) bool { return matchWildcard(p, name) }) {
		return fmt.Sprintf("is for %s, not for %s", excerptText(strings.Join(c.ValidPrincipals, ", ")), name)
	}
	for option := range c.CriticalOptions {
		return fmt.Sprintf("has the critical option %q, which no host certificate may have", excerptText(option))
	}
	if !slices.Contains(authoritySignatures(), c.Signature.Format) {
		return fmt.Sprintf("is signed with %s, which is not safe", excerptText(c.Signature.Format))
	}
	return ""
}

// forged refuses a certificate that its authority did not sign, whoever that is
// and whatever else is known of the host: ssh ends the connection over it.
//
// The library knows no wildcards in names and takes SHA-1, so it is asked for
// the signature only: for the first name, at the first moment.
func forged(c *ssh.Certificate) *Error {
	check := ssh.CertChecker{
		Clock:                    func() time.Time { return time.Unix(int64(c.ValidAfter), 0) },
		SupportedCriticalOptions: slices.Collect(maps.Keys(c.CriticalOptions)),
	}
	err := check.CheckCert(append(c.ValidPrincipals, "")[0], c)
	if err == nil || c.ValidAfter > math.MaxInt64 { // which is never, see unfit
		return nil
	}
	return &Error{Phase: PhaseHostKey, Kind: KindBadCertificate, Reason: certName(c) + " is damaged or forged: " + excerptText(strings.TrimPrefix(err.Error(), "ssh: ")),
		Hint: "sign the host's key anew; if it was not damaged there, somebody may be listening in"}
}
