package remote

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings turns what was collected into values, the inventory's first.
func (l *lookup) settings() (Settings, error) {
	h := l.host
	s := Settings{Name: h.Name, Address: h.Address, Port: h.Port, User: h.User, Network: "tcp", AcceptNew: l.r.opts.AcceptNew,
		LegacyAlgorithms: l.r.opts.LegacyAlgorithms || h.LegacyAlgorithms}
	if s.Address == "" {
		s.Address = h.Name
		if d, ok := l.first["hostname"]; ok {
			var err error
			if s.Address, err = expandTokens(d.place, d.args[0], map[byte]string{'h': h.Name}); err != nil {
				return s, err
			}
		}
	}
	s.Address = strings.ToLower(s.Address)
	var err error
	if s.Warnings, err = l.judge(s.Address); err != nil {
		return s, err
	}
	if err := l.port(&s); err != nil {
		return s, err
	}
	if s.User == "" {
		s.User = l.r.opts.User
		if d, ok := l.first["user"]; ok {
			s.User = d.args[0]
		}
	}
	if d, ok := l.first["hostkeyalias"]; ok {
		s.HostKeyAlias = strings.ToLower(d.args[0])
	}
	t := l.tokens(&s)
	if s.KnownHosts, err = l.knownHostsFiles(t); err != nil {
		return s, err
	}
	for _, f := range []func(*Settings, tokens) error{l.identityFiles, l.agent, l.strictness, l.network} {
		if err := f(&s, t); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (l *lookup) port(s *Settings) error {
	if s.Port != 0 {
		return nil
	}
	s.Port = 22
	d, ok := l.first["port"]
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(d.args[0])
	if err != nil || n < 1 || n > 65535 {
		return unsupported(d.place, fmt.Sprintf("port %q is not a number from 1 to 65535", d.args[0]), "")
	}
	s.Port = n
	return nil
}

// defaultIdentities are tried when nothing names a key, the safest first.
var defaultIdentities = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

func (l *lookup) identityFiles(s *Settings, t tokens) error {
	add := func(at place, f string) error {
		if strings.EqualFold(f, "none") {
			return nil
		}
		p, err := t.path(at, f)
		if err != nil {
			return err
		}
		if !slices.Contains(s.IdentityFiles, p) {
			s.IdentityFiles = append(s.IdentityFiles, p)
		}
		return nil
	}
	given := l.r.opts.Identity
	if l.host.IdentityFile != "" {
		given = append([]string{l.host.IdentityFile}, given...)
	}
	for _, f := range given {
		p, err := expandHome(f, l.r.opts.Home)
		if err != nil {
			return &Error{Phase: PhaseConfig, Reason: "identity file: " + err.Error()}
		}
		s.IdentityFiles = append(s.IdentityFiles, p)
	}
	for _, d := range l.identities {
		if err := add(d.place, d.args[0]); err != nil {
			return err
		}
	}
	if len(given)+len(l.identities) == 0 && l.r.opts.Home != "" {
		s.DefaultIdentities = true
		for _, f := range defaultIdentities {
			if err := add(place{}, "~/.ssh/"+f); err != nil {
				return err
			}
		}
	}
	if d, ok := l.first["identitiesonly"]; ok {
		yes, err := yesNo(d)
		s.IdentitiesOnly = yes
		return err
	}
	return nil
}

func (l *lookup) agent(s *Settings, t tokens) error {
	socket := "SSH_AUTH_SOCK"
	d, ok := l.first["identityagent"]
	if ok {
		socket = d.args[0]
	}
	switch {
	case strings.EqualFold(socket, "none"):
		return nil
	case socket == "SSH_AUTH_SOCK":
		s.IdentityAgent = l.r.opts.Env(socket)
		return nil
	case strings.HasPrefix(socket, "$") && !strings.HasPrefix(socket, "${"):
		s.IdentityAgent = l.r.opts.Env(socket[1:])
		return nil
	}
	var err error
	s.IdentityAgent, err = t.path(d.place, socket)
	return err
}

// strictness reads StrictHostKeyChecking, which never weakens: a changed key
// is refused whatever it says.
func (l *lookup) strictness(s *Settings, _ tokens) error {
	if d, ok := l.first["hashknownhosts"]; ok {
		var err error
		if s.HashKnownHosts, err = yesNo(d); err != nil {
			return err
		}
	}
	d, ok := l.first["stricthostkeychecking"]
	if !ok {
		return nil
	}
	switch strings.ToLower(d.args[0]) {
	case "yes", "true", "ask":
	case "accept-new":
		s.AcceptNew = true
	case "no", "off", "false":
		s.AcceptNew = true
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s: StrictHostKeyChecking %s is taken as accept-new: changed keys are refused", d.place, d.args[0]))
	default:
		return unsupported(d.place, fmt.Sprintf("StrictHostKeyChecking %q is not yes, no, ask, off or accept-new", d.args[0]), "")
	}
	return nil
}

func (l *lookup) network(s *Settings, _ tokens) error {
	if d, ok := l.first["addressfamily"]; ok {
		n, ok := map[string]string{"any": "tcp", "inet": "tcp4", "inet6": "tcp6"}[strings.ToLower(d.args[0])]
		if !ok {
			return unsupported(d.place, fmt.Sprintf("AddressFamily %q is not any, inet or inet6", d.args[0]), "")
		}
		s.Network = n
	}
	if d, ok := l.first["bindaddress"]; ok {
		s.BindAddress = d.args[0]
	}
	if d, ok := l.first["connecttimeout"]; ok && !strings.EqualFold(d.args[0], "none") {
		t, err := parseTime(d.args[0])
		if err != nil {
			return unsupported(d.place, err.Error(), "")
		}
		s.Connect = t
	}
	return nil
}

func yesNo(d directive) (bool, error) {
	switch strings.ToLower(d.args[0]) {
	case "yes", "true":
		return true, nil
	case "no", "false":
		return false, nil
	}
	return false, unsupported(d.place, fmt.Sprintf("%s %q is not yes or no", d.key, d.args[0]), "")
}

// parseTime reads a time as sshd_config(5) writes it: 90, 10s, 1m30s.
func parseTime(s string) (time.Duration, error) {
	var total time.Duration
	rest := s
	for rest != "" {
		i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		unit := time.Second
		digits := rest
		if i >= 0 {
			digits = rest[:i]
			u, ok := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[rest[i]|0x20]
			if !ok {
				return 0, fmt.Errorf("time %q is not like 90, 10s or 1m30s", s)
			}
			unit, rest = u, rest[i+1:]
		} else {
			rest = ""
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n > 1<<30/int(unit/time.Second) {
			return 0, fmt.Errorf("time %q is not like 90, 10s or 1m30s", s)
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}
