package remote

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// tokens are the %-tokens of ssh_config(5) for one host; without any, only ~ is
// expanded.
type tokens struct {
	percent map[byte]string
	home    string
	env     func(string) string
}

// tokens are those of file names, all that need no connection.
func (l *lookup) tokens(s *Settings) tokens {
	full, _ := os.Hostname() // %l is then empty, as good as any name
	short, _, _ := strings.Cut(full, ".")
	percent := l.commandTokens(s)
	maps.Copy(percent, map[byte]string{
		'd': l.r.opts.Home, 'i': strconv.Itoa(os.Getuid()), 'j': l.lastJump(), 'L': short, 'l': full, 'u': l.r.opts.User,
	})
	percent['C'] = connectionHash(full, s, percent['j'])
	return tokens{percent: percent, home: l.r.opts.Home, env: l.r.opts.Env}
}

// commandTokens are those of ProxyCommand and ProxyJump.
func (l *lookup) commandTokens(s *Settings) map[byte]string {
	alias := s.HostKeyAlias
	if alias == "" {
		alias = l.host.Name
	}
	return map[byte]string{'h': s.Address, 'k': alias, 'n': l.host.Name, 'p': strconv.Itoa(s.Port), 'r': s.User}
}

// connectionHash is %C: of %l%h%p%r%j, where %j came with OpenSSH 9.6. Without
// a jump host it is what it was before.
func connectionHash(local string, s *Settings, jump string) string {
	sum := sha1.Sum([]byte(local + s.Address + strconv.Itoa(s.Port) + s.User + jump))
	return hex.EncodeToString(sum[:])
}

// path expands ~, %-tokens and ${VARIABLES} of a file name. What they stand
// for is not expanded again.
func (t tokens) path(at place, s string) (string, error) {
	home := ""
	if strings.HasPrefix(s, "~") {
		head, rest, slash := strings.Cut(s, "/")
		var err error
		if home, err = expandHome(head, t.home); err != nil {
			return "", unsupported(at, err.Error(), "write the path in full")
		}
		if s = rest; !slash {
			return home, nil
		}
	}
	var err error
	if t.percent != nil {
		s, err = expandTokens(at, s, t.percent, t.env)
	}
	if err != nil || home == "" {
		return s, err
	}
	return filepath.Join(home, s), nil
}

// elsewhere says for which keyword alone a token is.
var elsewhere = map[byte]string{
	'f': "KnownHostsCommand", 'H': "KnownHostsCommand", 'I': "KnownHostsCommand", 'K': "KnownHostsCommand", 't': "KnownHostsCommand", 'T': "LocalCommand",
}

// expandTokens expands %-tokens, and ${VARIABLES} if there is an env.
func expandTokens(at place, s string, values map[byte]string, env func(string) string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if env != nil && strings.HasPrefix(s[i:], "${") {
			v, n, err := variable(at, s[i:], env)
			if err != nil {
				return "", err
			}
			b.WriteString(v)
			i += n - 1
			continue
		}
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
		if only := elsewhere[s[i]]; !ok && only != "" {
			return "", unsupported(at, fmt.Sprintf("token %%%c is only for %s", s[i], only), "leave it out")
		}
		if !ok {
			return "", unsupported(at, fmt.Sprintf("token %%%c is not supported here", s[i]), "write its value")
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// variable expands ${NAME} at the begin of s and gives its length there.
func variable(at place, s string, env func(string) string) (value string, length int, err error) {
	name, _, ok := strings.Cut(s[2:], "}")
	if !ok {
		return "", 0, unsupported(at, fmt.Sprintf("%q has no closing brace", s), "")
	}
	if value = env(name); value == "" {
		return "", 0, unsupported(at, fmt.Sprintf("environment variable %s is not set", name), "")
	}
	return value, len(name) + len("${}"), nil
}

// expandHome expands ~ and ~USER at the begin of a path.
func expandHome(path, home string) (string, error) {
	head, rest, _ := strings.Cut(path, "/")
	switch {
	case !strings.HasPrefix(head, "~"):
		return path, nil
	case head != "~":
		u, err := user.Lookup(head[1:])
		if err != nil || u.HomeDir == "" {
			return "", fmt.Errorf("%s: no home directory of %s is known here", path, head[1:])
		}
		home = u.HomeDir
	case home == "":
		return "", fmt.Errorf("%s: no home directory", path)
	}
	return filepath.Join(home, rest), nil
}
