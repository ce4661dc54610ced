package remote

import (
	"fmt"
	"slices"
	"strings"
)

// authMethods are the methods that this package has, in ssh's order, with the
// directive that turns each off and what BatchMode does: those that ask a
// person are then not used (sshconnect2.c, authmethods).
var authMethods = []struct {
	name, directive string
	asks            bool
}{
	{methodKey, "pubkeyauthentication", false},
	{methodQuestions, "kbdinteractiveauthentication", true},
	{methodPassword, "passwordauthentication", true},
}

// methods are those that ssh_config leaves, in its order; nil for all of them.
func (l *lookup) methods(s *Settings, _ tokens) error {
	all := (&Settings{}).methods()
	var left []string
	enabled := map[string]bool{}
	batch, err := l.flag("batchmode", false)
	if err != nil {
		return err
	}
	for _, m := range authMethods {
		yes, err := l.flag(m.directive, true)
		if err != nil {
			return err
		}
		enabled[m.name] = yes && !(batch && m.asks)
	}
	preferred := all
	d, chosen := l.first["preferredauthentications"]
	if chosen {
		preferred = strings.Split(d.value(), ",")
	}
	for _, name := range preferred {
		if enabled[name] && !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return l.noMethod()
	}
	if !slices.Equal(left, all) {
		s.Methods = left
	}
	return nil
}

// noMethod names the lines that leave no way to log in.
func (l *lookup) noMethod() error {
	var said []string
	at := place{}
	for _, key := range []string{"preferredauthentications", "pubkeyauthentication", "kbdinteractiveauthentication", "passwordauthentication", "batchmode"} {
		if d, ok := l.first[key]; ok {
			if said = append(said, d.key+" "+d.value()); at.line == 0 {
				at = d.place
			}
		}
	}
	return unsupported(at, fmt.Sprintf("no way to log in is left by %s: tmdoctor has publickey, keyboard-interactive and password", strings.Join(said, ", ")),
		"allow one of them for this host, or have ssh(1) log in there: --transport openssh")
}

// flag is a directive that is yes or no.
func (l *lookup) flag(key string, otherwise bool) (bool, error) {
	d, ok := l.first[key]
	if !ok {
		return otherwise, nil
	}
	if key == "pubkeyauthentication" && slices.Contains([]string{"unbound", "host-bound"}, strings.ToLower(d.value())) {
		return true, nil
	}
	return yesNo(d)
}
