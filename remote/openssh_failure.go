package remote

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// sshSays are texts of ssh(1) that name a failure whatever phase it was in.
// What they do not tell is told by how far ssh came.
var sshSays = []struct {
	text  string
	phase Phase
	kind  Kind
	hint  string
}{
	{"Bad configuration option", PhaseConfig, "", "correct it in ssh_config"},
	{"bad configuration options", PhaseConfig, "", "correct it in ssh_config"},
	{"Bad owner or permissions on", PhaseConfig, "", "make the file the user's own, and writable by nobody else: chmod 600"},
	{"Could not resolve hostname", PhaseResolve, "", "correct the name, give the host an address in the inventory, or a HostName in ssh_config"},
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", PhaseHostKey, KindChangedKey, ""},
	{"REVOKED HOST KEY DETECTED", PhaseHostKey, KindRevokedKey, "do not log in; ask who runs the host for its new key"},
	{"is marked as revoked", PhaseHostKey, KindRevokedKey, "do not log in; ask who runs the host for its new key"},
	{"Host key verification failed", PhaseHostKey, KindUnknownKey, ""},
	{"Unable to negotiate with", PhaseHandshake, "", "update the SSH server, or allow the algorithm in ssh_config"},
	{"Permission denied (", PhaseAuth, "", ""},
	{"Too many authentication failures", PhaseAuth, "", "name the right key with identity_file or IdentityFile, and IdentitiesOnly yes"},
	{"Connection timed out during banner exchange", PhaseHandshake, KindTimeout, "the host is overloaded or hangs, or something else listens on this port"},
	{": invalid format", PhaseHandshake, "", "check the port: something else listens there"},
}

// errRefused marks a failure in which a server refused what it was offered.
var errRefused = errors.New("login refused")

// failure tells from what ssh said, and from how far it came, why it ended.
func (m *master) failure(st sshState) *Error {
	said := strings.Join(st.said, "\n")
	banner := m.stderr.soFar()
	if st.flooded {
		return &Error{Phase: PhaseAuth, Reason: "banner without end: " + excerpt(m.stderr.soFar()), Err: errFlood, Hint: "this is no well-behaved SSH server"}
	}
	if st.proxied && !st.spoke {
		return behindProxy(st, string(banner))
	}
	for _, s := range sshSays {
		if strings.Contains(said, s.text) {
			e := &Error{Phase: s.phase, Kind: s.kind, Reason: st.last(), Hint: s.hint}
			if s.phase == PhaseAuth {
				e.Err = errRefused
				e.says(banner)
			}
			return e
		}
	}
	if !st.connected {
		e := &Error{Phase: PhaseConnect, Reason: st.last()}
		for _, c := range connectErrors {
			if errno := c.errno.(syscall.Errno); strings.Contains(strings.ToLower(said), strings.ToLower(errno.Error())) {
				e.Err, e.Hint = errno, c.hint
			}
		}
		return e
	}
	e := &Error{Phase: PhaseHandshake, Reason: st.last(), Hint: "too many connections at once (MaxStartups, PerSourcePenalties), hosts.deny, or no SSH server on this port"}
	switch {
	case st.authed:
		e.Phase, e.Hint = PhaseSession, "the log of sshd on the host says why"
		if len(st.said) == 0 {
			e.Reason = "the server closed the connection right after login"
		}
	case st.verified:
		e.Phase, e.Hint = PhaseAuth, "the log of sshd on the host says why"
		if len(st.offered) > 0 {
			e.Hint = notTheAccount
		}
		e.says(banner)
	case st.spoke:
		e.Hint = "the log of sshd on the host says why"
	}
	return e
}

// last is the last line that says something, as a reason.
func (st *sshState) last() string {
	for i := len(st.said) - 1; i >= 0; i-- {
		if s := strings.TrimPrefix(st.said[i], "ssh: "); s != "" {
			return "ssh says " + excerpt([]byte(s))
		}
	}
	return "ssh ended without a word"
}

// behindProxy is for a host whose ProxyCommand or jump host did not reach it.
func behindProxy(st sshState, stderr string) *Error {
	e := &Error{Phase: PhaseJump, Reason: "the jump host or ProxyCommand did not reach the host: " + st.last()}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if text := excerpt([]byte(lines[len(lines)-1])); text != "" { // its own words
		e.Reason = "the jump host or ProxyCommand did not reach the host: it says " + text
	}
	e.Hint = "log in to it by hand: ssh JUMPHOST"
	if strings.Contains(stderr, "Permission denied (") || strings.Contains(stderr, "Too many authentication failures") {
		e.Err = errRefused
	}
	if strings.Contains(stderr, "Host key verification failed") {
		e.Kind = KindUnknownKey
		if strings.Contains(stderr, "REMOTE HOST IDENTIFICATION HAS CHANGED") {
			e.Kind = KindChangedKey
		}
		e.Hint = "log in to the jump host once by hand and compare its host key"
	}
	return e
}

// endedAt is for an ssh that took too long.
func endedAt(ctx context.Context, st sshState) *Error {
	switch {
	case st.authed:
		return ended(ctx, PhaseSession, "logged in, but ssh did not begin")
	case st.verified:
		e := ended(ctx, PhaseAuth, "login did not end")
		if e.Phase == PhaseAuth {
			e.Hint = pamWaits
		}
		return e
	case st.connected:
		e := ended(ctx, PhaseHandshake, "no key exchange")
		if !st.spoke && e.Phase == PhaseHandshake {
			e.Hint = "something listens there that is no SSH server, or the host hangs"
		}
		return e
	case st.proxied:
		return ended(ctx, PhaseJump, "the jump host or ProxyCommand did not reach the host")
	}
	e := ended(ctx, PhaseConnect, "no answer")
	if e.Phase == PhaseConnect {
		e.Hint = "the host is down or a firewall drops the packets; is a jump host needed?"
	}
	return e
}

var offending = regexp.MustCompile(`^Offending .* key in (.*):(\d+)`)

// explain puts into a failure what is known of the host, in [Native]'s words
// where they mean the same.
func (m *master) explain(s *Settings, e *Error) *Error {
	st := m.log.state()
	switch e.Phase {
	case PhaseConnect:
		for _, c := range connectErrors {
			if e.Err == c.errno {
				e.Reason = fmt.Sprintf(c.reason, s.HostPort())
			}
		}
		if e.Kind == KindTimeout {
			e.Reason = strings.Replace(e.Reason, "no answer", "no answer from "+s.HostPort(), 1)
		}
	case PhaseHostKey:
		m.explainKey(s, st, e)
	case PhaseAuth:
		if len(st.offered) > 0 && strings.Contains(e.Reason, "Permission denied (") {
			_, says, _ := strings.Cut(e.Reason, "; it says ")
			e.Reason = fmt.Sprintf("server refused %s as %s", strings.Join(st.offered, ", "), s.User)
			if says != "" {
				e.Reason += "; it says " + says
			}
		}
		if methods := strings.Split(st.methods, ","); st.methods != "" && e.Hint == "" && !slices.Contains(methods, "publickey") {
			e.Reason = "server takes no keys, only " + excerptText(strings.Join(methods, ", "))
			e.Hint = "set PubkeyAuthentication yes in the server's sshd_config: there is nobody to ask for anything else"
		}
		if e.Hint == "" && len(st.offered) == 0 {
			e.Hint = "there is nobody to ask, and no key to offer: ssh-add FILE, kinit, or --identity FILE"
		}
		if e.Hint == "" {
			e.Hint = "check user and key: ssh -v " + quoteWord(s.Name) + "; a key with a passphrase or PIN has to be in the agent: ssh-add FILE; " + sameWords
		}
	}
	return e
}

// badCertificate is what ssh says of a host certificate before it looks at the
// key in it (sshconnect.c, check_host_cert).
var badCertificate = regexp.MustCompile(`^Certificate (invalid: |lacks |contains |for )`)

func (m *master) explainKey(s *Settings, st sshState, e *Error) {
	key := st.hostKey
	if key == "" {
		key = "of the server"
	}
	switch e.Kind {
	case KindUnknownKey:
		for _, line := range st.said {
			if badCertificate.MatchString(line) {
				e.Kind, e.Reason = KindBadCertificate, "ssh says "+excerpt([]byte(line))
				e.Hint = resign(s)
				return
			}
		}
		e.Reason = fmt.Sprintf("host key %s of %s is not in known_hosts", excerptText(key), s.lookupName())
		e.Hint = "rerun with --accept-new, or compare the fingerprint and add the key: " + keyscan(s, s.KnownHosts)
	case KindRevokedKey:
		e.Reason = fmt.Sprintf("host key %s is revoked in known_hosts", excerptText(key))
	case KindChangedKey:
		e.Reason = fmt.Sprintf("host key changed: got %s", excerptText(key))
		e.Hint = "if the host was reinstalled: ssh-keygen -R " + quoteWord(s.lookupName()) + "; if not, somebody may be listening in"
		for _, line := range st.said {
			if f := offending.FindStringSubmatch(line); f != nil {
				e.Reason += fmt.Sprintf(", want that of %s:%s", excerptText(f[1]), f[2])
				e.Hint = fmt.Sprintf("if the host was reinstalled: ssh-keygen -R %s -f %s; if not, somebody may be listening in", quoteWord(s.lookupName()), quoteWord(f[1]))
			}
		}
	}
}
