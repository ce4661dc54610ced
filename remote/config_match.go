package remote

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// criterion is one word of a Match line and its argument.
type criterion struct {
	key     string // lower case
	arg     string
	negated bool
}

// certainty is whether a block holds for a host. The order counts: a block
// holds no more surely than the least sure of its conditions.
type certainty int

const (
	holdsNot certainty = iota
	mayHold            // nothing short of running a command, or ssh(1) itself, would tell
	holds
)

func certain(b bool) certainty {
	if b {
		return holds
	}
	return holdsNot
}

// not is the certainty of a negated criterion.
func (v certainty) not() certainty { return holds - v }

// inlineCriteria may be written KEY=VALUE (readconf.c, match_cfg_line).
var inlineCriteria = map[string]bool{
	"host": true, "originalhost": true, "user": true, "localuser": true, "localnetwork": true,
	"version": true, "tagged": true, "command": true, "exec": true,
}

// parseMatch reads the words of a Match line as OpenSSH 10 does. Before, ssh
// took neither ' nor \ for what they are elsewhere, and blanks around a =; a
// line with one of them gets a criterion that cannot be decided.
func parseMatch(line string, words []string) (criteria []criterion, err error) {
	if strings.ContainsAny(line, `'\`) {
		criteria = append(criteria, criterion{key: "quotes"})
	}
	for n := 0; len(words) > 0; n++ {
		c := criterion{}
		c.key, c.negated = strings.CutPrefix(words[0], "!")
		words = words[1:]
		key, arg, inline := strings.Cut(c.key, "=")
		if inline = inline && inlineCriteria[strings.ToLower(key)]; inline {
			c.key, c.arg = key, arg
		}
		c.key = strings.ToLower(c.key)
		switch c.key {
		case "all":
			if n > 1 || len(words) > 0 && words[0] != "" {
				return nil, errors.New("match all cannot be combined with other criteria")
			}
			return append(criteria, c), nil
		case "final", "canonical":
			criteria = append(criteria, c)
			continue
		}
		if !inline && len(words) == 0 {
			return nil, fmt.Errorf("match %s has no value", c.key)
		}
		if !inline {
			c.arg, words = words[0], words[1:]
		}
		if c.arg == "" && c.key != "tagged" && c.key != "command" {
			return nil, fmt.Errorf("match %s has no value", c.key)
		}
		if c.key == "localnetwork" {
			if _, err := parseNetworks(c.arg); err != nil {
				return nil, err
			}
		}
		if strings.HasPrefix(c.arg, "=") {
			c.key = "quotes"
		}
		criteria = append(criteria, c)
	}
	return criteria, nil
}

// wantsFinal is true for a Match line that makes ssh read its configuration a
// second time, with the address for the name of the host. A negated one does
// so before OpenSSH 10.1.
func (b *block) wantsFinal(negated bool) bool {
	for _, c := range b.match {
		if c.key == "final" && c.negated == negated {
			return true
		}
	}
	return false
}

// matches judges a Match line by what was set so far. Nothing is executed.
func (l *lookup) matches(criteria []criterion) (certainty, error) {
	v := holds
	for _, c := range criteria {
		one, err := l.criterion(c)
		if err != nil {
			return holdsNot, err
		}
		if c.negated {
			one = one.not()
		}
		v = min(v, one)
	}
	return v, nil
}

func (l *lookup) criterion(c criterion) (certainty, error) {
	patterns := strings.Split(c.arg, ",")
	switch c.key {
	case "all":
		return holds, nil
	case "final", "canonical": // both are the second time, whatever the reason for it
		return certain(l.final), nil
	case "host":
		address, err := l.hostName()
		return certain(matchFold(patterns, address)), err
	case "originalhost":
		return certain(matchFold(patterns, l.host.Name)), nil
	case "user":
		return certain(matchList(patterns, l.user())), nil
	case "localuser":
		return certain(matchList(patterns, l.r.opts.User)), nil
	case "localnetwork":
		return l.localNetwork(c.arg)
	case "tagged":
		tag := l.first["tag"].value()
		return certain(tag == c.arg || tag != "" && matchList(patterns, tag)), nil
	case "sessiontype": // a command is run, always
		return certain(matchList(patterns, "exec")), nil
	case "command":
		if c.arg == "" {
			return holdsNot, nil
		}
	}
	return mayHold, nil // exec, version, command, and what is younger than this
}

// matchFold is matchList for names of hosts.
func matchFold(patterns []string, name string) bool {
	folded := make([]string, len(patterns))
	for i, p := range patterns {
		folded[i] = strings.ToLower(p)
	}
	return matchList(folded, strings.ToLower(name))
}

// parseNetworks reads a list of addresses and networks (addrmatch.c).
func parseNetworks(list string) (networks []netip.Prefix, err error) {
	for word := range strings.SplitSeq(list, ",") {
		p, err := netip.ParsePrefix(word)
		if addr, e := netip.ParseAddr(word); e == nil && addr.Zone() == "" {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || p != p.Masked() {
			return nil, fmt.Errorf("match localnetwork: %q is not a network like 10.0.0.0/8", word)
		}
		networks = append(networks, p)
	}
	return networks, nil
}

func (l *lookup) localNetwork(list string) (certainty, error) {
	networks, err := parseNetworks(list)
	if err != nil {
		return holdsNot, err
	}
	addrs, err := l.r.localAddrs()
	if err != nil {
		return mayHold, nil
	}
	for _, a := range addrs {
		for _, n := range networks {
			if n.Contains(a) {
				return holds, nil
			}
		}
	}
	return holdsNot, nil
}

// localAddrs are the addresses of the interfaces that are up. One of a link
// has a zone, and so is in no network for ssh(1).
func localAddrs() (addrs []netip.Addr, err error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		nets, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, n := range nets {
			ip, ok := n.(*net.IPNet)
			if !ok {
				continue
			}
			if a, ok := netip.AddrFromSlice(ip.IP); ok && (a.Unmap().Is4() || !a.IsLinkLocalUnicast()) {
				addrs = append(addrs, a.Unmap())
			}
		}
	}
	return addrs, nil
}
