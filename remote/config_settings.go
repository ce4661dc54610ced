package remote

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// settings turns what was collected into values.
func (l *lookup) settings() (s Settings, err error) {
	s = Settings{Name: l.host.Name, Network: "tcp", AcceptNew: l.r.opts.AcceptNew, User: l.user(),
		LegacyAlgorithms: l.r.opts.LegacyAlgorithms || l.host.LegacyAlgorithms}
	if s.Warnings, err = l.judge(); err != nil {
		return s, err
	}
	if s.Address, err = l.address(); err != nil {
		return s, err
	}
	if err := l.port(&s); err != nil {
		return s, err
	}
	if d := l.first["user"]; d.line > 0 && (strings.Contains(d.value(), "%") || strings.Contains(d.value(), "${")) {
		return s, unsupported(d.place, fmt.Sprintf("user %s: ssh expands tokens here since version 10, and did not before", d.value()), "write the name")
	}
	s.HostKeyAlias = strings.ToLower(l.first["hostkeyalias"].value())
	t := l.tokens(&s)
	for _, f := range []func(*Settings, tokens) error{l.knownHosts, l.identityFiles, l.certificateFiles, l.agent, l.methods, l.strictness, l.network} {
		if err := f(&s, t); err != nil {
			return s, err
		}
	}
	return s, nil
}

// hostName is HostName as it is set so far, else what the host is called.
func (l *lookup) hostName() (string, error) {
	d, ok := l.first["hostname"]
	if !ok {
		return l.host.Name, nil
	}
	return expandTokens(d.place, d.value(), map[byte]string{'h': l.host.Name}, nil)
}

// address is where to connect, written as ssh writes it.
func (l *lookup) address() (string, error) {
	name, err := l.hostName()
	if err != nil {
		return "", err
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return a.String(), nil
	}
	name = strings.ToLower(name)
	if shortAddress.MatchString(name) {
		at := l.first["hostname"].place
		if at.file == "" {
			at.file = "inventory"
		}
		return "", unsupported(at, fmt.Sprintf("%s is a short form of an IP address", name), "write it in full, like 127.0.0.1")
	}
	return name, nil
}

// shortAddress is what inet_aton(3) reads and nobody means: 127.1, 0x7f000001.
var shortAddress = regexp.MustCompile(`^(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+)){0,3}$`)

// user is User as it is set so far, else the caller.
func (l *lookup) user() string {
	if d, ok := l.first["user"]; ok {
		return d.value()
	}
	return l.r.opts.User
}

func (l *lookup) port(s *Settings) error {
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
