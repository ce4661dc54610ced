package remote

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// proxy resolves the jump hosts of a host, the nearest first, or its
// ProxyCommand. Each jump host has its own Host block; as with ssh -J, only the
// first of a list may be behind jump hosts of its own, or a ProxyCommand.
func (r *Resolver) proxy(l *lookup, s *Settings, behind []string) error {
	d, ok := l.first["proxyjump"]
	if !ok || isNone(d) {
		return l.proxyCommand(s)
	}
	at := d.place
	if l.host.Jump != "" {
		at = place{}
	}
	for i, word := range strings.Split(d.value(), ",") {
		hop, err := l.hop(s, at, word)
		if err != nil {
			return err
		}
		if len(behind) >= maxJumps {
			return jumpError(l, at, fmt.Sprintf("more than %d jump hosts behind each other", maxJumps))
		}
		if i > 0 {
			hop.Jump = "none"
		}
		way, err := r.resolve(hop, append(behind[:len(behind):len(behind)], s.identity()))
		if errors.Is(err, errLoop) {
			return jumpError(l, at, fmt.Sprintf("jump host %s is reached through itself", hop.Name))
		}
		if err != nil {
			return err
		}
		s.Jumps = append(append(s.Jumps, way.Jumps...), way)
		s.Jumps[len(s.Jumps)-1].Jumps = nil
	}
	return nil
}

// hop reads one word of ProxyJump, in which ssh expands the tokens of a
// ProxyCommand.
func (l *lookup) hop(s *Settings, at place, word string) (hop inventory.Host, err error) {
	if at.line > 0 {
		if word, err = expandTokens(at, word, l.commandTokens(s), nil); err != nil {
			return hop, err
		}
	}
	if hop, err = parseJump(word); err != nil {
		return hop, jumpError(l, at, err.Error())
	}
	if !validHost(hop.Name) || !validUser(hop.User) {
		return hop, jumpError(l, at, fmt.Sprintf("jump host %q has characters that ssh does not allow", word))
	}
	return hop, nil
}

// lastJump is %j: the name of the jump host that connects to the host.
func (l *lookup) lastJump() string {
	d := l.first["proxyjump"]
	if isNone(d) {
		return ""
	}
	words := strings.Split(d.value(), ",")
	hop, _ := parseJump(words[len(words)-1]) // what is wrong is said by proxy
	return hop.Name
}

// proxyCommand is the command that reaches a host, if there is one.
func (l *lookup) proxyCommand(s *Settings) error {
	d, ok := l.first["proxycommand"]
	if !ok || isNone(d) {
		return nil
	}
	if d.value() == "-" {
		return unsupported(d.place, "proxycommand - would take standard input for the host", "name a command")
	}
	if l.unclear {
		return unsupported(d.place, "proxycommand below proxyjump none: ssh of some versions uses it, of others not",
			"leave one of them out for this host")
	}
	if f, ok := l.first["proxyusefdpass"]; ok {
		yes, err := yesNo(f)
		if err != nil {
			return err
		}
		if yes {
			return unsupported(f.place, "proxyusefdpass yes is not supported",
				"let the command pass the data on itself, or have ssh(1) log in there: --transport openssh")
		}
	}
	if !validHost(l.host.Name) || !validHost(s.Address) || !validUser(s.User) {
		return unsupported(d.place, fmt.Sprintf("proxycommand would be given %q, %q and %q: characters that mean something to a shell are not allowed there",
			l.host.Name, s.Address, s.User), "give the host another name, address or user")
	}
	var err error
	s.ProxyCommand, err = expandTokens(d.place, d.value(), l.commandTokens(s), nil)
	return err
}

// validHost is what ssh takes for the name of a host (readconf.c,
// ssh_valid_hostname): nothing that a shell would not take for a word.
func validHost(s string) bool {
	return !strings.HasPrefix(s, "-") && !strings.ContainsAny(s, "'`\"$\\;&<>|(){},") && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// validUser is what ssh takes for a user (readconf.c, ssh_valid_ruser).
func validUser(s string) bool {
	if strings.HasPrefix(s, "-") || strings.HasSuffix(s, `\`) || strings.ContainsAny(s, "'`\";&<>|(){}") {
		return false
	}
	return !strings.Contains(s, " -") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

var errLoop = errors.New("jump host loop")

// identity tells two ways to one place from two places: a jump host and the
// host behind it may share a name and differ by port.
func (s *Settings) identity() string { return s.User + "@" + s.HostPort() }

func jumpError(l *lookup, at place, reason string) error {
	if at.file == "" {
		reason = "jump of " + l.host.Name + ": " + reason
		if l.host.Source != "" {
			reason = l.host.Source + ": " + reason
		}
		return &Error{Phase: PhaseConfig, Reason: reason}
	}
	return unsupported(at, reason, "")
}

// parseJump reads [user@]host[:port] or ssh://[user@]host[:port].
func parseJump(word string) (inventory.Host, error) {
	word = strings.TrimSpace(word)
	rest := strings.TrimSuffix(strings.TrimPrefix(word, "ssh://"), "/")
	var h inventory.Host
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		h.User, rest = rest[:i], rest[i+1:]
		if h.User == "" {
			return h, fmt.Errorf("jump host %q has an empty user", word)
		}
	}
	host, port, err := cutPort(rest)
	if err != nil || host == "" || strings.HasPrefix(host, "-") {
		return h, fmt.Errorf("jump host %q is not [user@]host[:port]", word)
	}
	h.Name, h.Port = host, port
	return h, nil
}

var errPort = errors.New("not a port")

// cutPort cuts host:port, [ip]:port, host or a bare IPv6 address.
func cutPort(s string) (host string, port int, err error) {
	host, digits := s, ""
	if strings.HasPrefix(s, "[") {
		var ok bool
		if host, digits, ok = strings.Cut(s[1:], "]"); !ok || digits != "" && digits[0] != ':' {
			return "", 0, errPort
		}
	} else if strings.Count(s, ":") == 1 {
		i := strings.IndexByte(s, ':')
		host, digits = s[:i], s[i:]
	}
	if digits == "" {
		return host, 0, nil
	}
	port, err = strconv.Atoi(digits[1:])
	if err != nil || port < 1 || port > 65535 {
		return "", 0, errPort
	}
	return host, port, nil
}
