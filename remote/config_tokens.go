package remote

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// tokens are the %-tokens of ssh_config(5) for one host.
type tokens struct {
	percent map[byte]string
	home    string
	env     func(string) string
}

func (l *lookup) tokens(s *Settings) tokens {
	full, _ := os.Hostname() // %l is then empty, as good as any name
	short, _, _ := strings.Cut(full, ".")
	alias := s.HostKeyAlias
	if alias == "" {
		alias = l.host.Name
	}
	return tokens{
		percent: map[byte]string{
			'd': l.r.opts.Home, 'h': s.Address, 'i': strconv.Itoa(os.Getuid()), 'j': l.host.Jump, 'k': alias, 'L': short, 'l': full,
			'n': l.host.Name, 'p': strconv.Itoa(s.Port), 'r': s.User, 'u': l.r.opts.User,
		},
		home: l.r.opts.Home,
		env:  l.r.opts.Env,
	}
}

// path expands ~, %-tokens and ${VARIABLES} of a file name.
func (t tokens) path(at place, s string) (string, error) {
	s, err := t.variables(at, s)
	if err != nil {
		return "", err
	}
	// The home directory comes last: a % in it is no token.
	if s, err = expandTokens(at, s, t.percent); err != nil {
		return "", err
	}
	if s, err = expandHome(s, t.home); err != nil {
		return "", unsupported(at, err.Error(), "")
	}
	return s, nil
}

func (t tokens) variables(at place, s string) (string, error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "${")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok {
			return "", unsupported(at, fmt.Sprintf("%q has no closing brace", "${"+after), "")
		}
		v := t.env(name)
		if v == "" {
			return "", unsupported(at, fmt.Sprintf("environment variable %s is not set", name), "")
		}
		b.WriteString(v)
		s = rest
	}
}

func expandTokens(at place, s string, values map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", unsupported(at, fmt.Sprintf("%q ends in a lone %%", s), "write %% for a percent sign")
		}
		if s[i] == '%' {
			b.WriteByte('%')
			continue
		}
		v, ok := values[s[i]]
		if !ok {
			return "", unsupported(at, fmt.Sprintf("token %%%c is not supported here", s[i]), "write its value")
		}
		b.WriteString(v)
	}
	return b.String(), nil
}
