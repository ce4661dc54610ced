package remote

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// jumps resolves the jump hosts of a host, the nearest first. Each has its
// own Host block; as with ssh -J, only the first of a list may be behind jump
// hosts of its own.
func (r *Resolver) jumps(l *lookup, s *Settings, behind []string) ([]Settings, error) {
	spec, at := l.host.Jump, place{}
	if spec == "" {
		d, ok := l.first["proxy"]
		if !ok {
			return nil, nil
		}
		if d.key == "proxycommand" {
			return nil, refusal(d)
		}
		spec, at = d.args[0], d.place
	}
	if strings.EqualFold(spec, "none") {
		return nil, nil
	}
	var chain []Settings
	for i, word := range strings.Split(spec, ",") {
		hop, err := parseJump(word)
		if err != nil {
			return nil, jumpError(l, at, err.Error())
		}
		if len(behind) >= maxJumps {
			return nil, jumpError(l, at, fmt.Sprintf("more than %d jump hosts behind each other", maxJumps))
		}
		if i > 0 {
			hop.Jump = "none"
		}
		way, err := r.resolve(hop, append(behind[:len(behind):len(behind)], s.identity()))
		if errors.Is(err, errLoop) {
			return nil, jumpError(l, at, fmt.Sprintf("jump host %s is reached through itself", hop.Name))
		}
		if err != nil {
			return nil, err
		}
		chain = append(append(chain, way.Jumps...), way)
		chain[len(chain)-1].Jumps = nil
	}
	return chain, nil
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
