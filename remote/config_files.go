package remote

import (
	"path/filepath"
	"slices"
	"strings"
)

// knownHosts are the user's files, then the global ones, in which ssh expands
// only ~.
func (l *lookup) knownHosts(s *Settings, t tokens) error {
	if len(l.r.opts.KnownHosts) > 0 {
		for _, f := range l.r.opts.KnownHosts {
			p, err := expandHome(f, l.r.opts.Home)
			if err != nil {
				return &Error{Phase: PhaseConfig, Reason: err.Error()}
			}
			s.KnownHosts = append(s.KnownHosts, p)
		}
		return l.revoked(s, t)
	}
	user := directive{args: []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}}
	if l.r.opts.Home == "" {
		user.args = nil
	}
	global := directive{args: []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}}
	if d, ok := l.first["userknownhostsfile"]; ok {
		user = d
	}
	if d, ok := l.first["globalknownhostsfile"]; ok {
		global = d
	}
	for _, f := range []struct {
		directive
		tokens
	}{{user, t}, {global, tokens{home: t.home}}} {
		files, err := f.files(f.directive)
		if err != nil {
			return err
		}
		s.KnownHosts = append(s.KnownHosts, files...)
	}
	return l.revoked(s, t)
}

func (l *lookup) revoked(s *Settings, t tokens) (err error) {
	s.RevokedHostKeys, err = t.files(l.first["revokedhostkeys"])
	return err
}

// files are the paths that a directive names; "none" is none.
func (t tokens) files(d directive) (files []string, err error) {
	for _, f := range d.args {
		if strings.EqualFold(f, "none") {
			continue
		}
		p, err := t.path(d.place, f)
		if err != nil {
			return nil, err
		}
		files = append(files, filepath.Clean(p))
	}
	return files, nil
}

// defaultIdentities are tried when nothing names a key, the safest first.
var defaultIdentities = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

func (l *lookup) identityFiles(s *Settings, t tokens) error {
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
	named := l.identities
	if len(given)+len(named) == 0 && l.r.opts.Home != "" {
		s.DefaultIdentities = true
		for _, f := range defaultIdentities {
			named = append(named, directive{args: []string{"~/.ssh/" + f}})
		}
	}
	var err error
	if s.IdentityFiles, err = t.add(s.IdentityFiles, named); err != nil {
		return err
	}
	if d, ok := l.first["identitiesonly"]; ok {
		s.IdentitiesOnly, err = yesNo(d)
	}
	return err
}

func (l *lookup) certificateFiles(s *Settings, t tokens) (err error) {
	s.CertificateFiles, err = t.add(nil, l.certificates)
	return err
}

// add adds the paths that directives name, each once.
func (t tokens) add(files []string, named []directive) ([]string, error) {
	for _, d := range named {
		if isNone(d) {
			continue
		}
		p, err := t.path(d.place, d.value())
		if err != nil {
			return nil, err
		}
		if !slices.Contains(files, p) {
			files = append(files, p)
		}
	}
	return files, nil
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
