package inventory

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The variables that say how a host is reached, in the order in which Ansible
// asks for them: of several names the last that is set holds
// (plugins/connection/ssh.py, plugins/become/sudo.py).
var (
	varsConnection   = []string{"ansible_connection"}
	varsBecome       = []string{"ansible_become"}
	varsBecomeMethod = []string{"ansible_become_method"}
	varsBecomeUser   = []string{"ansible_become_user", "ansible_sudo_user"}
	// varsArgs are joined in this order, and of an option that is given twice
	// ssh takes the first.
	varsArgs = []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"}
)

// ansibleTexts are the variables whose value is that of a setting.
var ansibleTexts = []struct {
	key   key
	vars  []string
	check func(string) *fault
}{
	{keyAddress, []string{"ansible_host", "ansible_ssh_host"}, checkAddress},
	{keyUser, []string{"ansible_user", "ansible_ssh_user"}, checkUser},
	{keyPort, []string{"ansible_port", "ansible_ssh_port"}, checkPort},
	{keyIdentityFile, []string{"ansible_private_key_file", "ansible_ssh_private_key_file"}, checkIdentity},
}

// ansibleUsed are all variables that are used.
var ansibleUsed = func() map[string]bool {
	used := map[string]bool{}
	for _, t := range ansibleTexts {
		for _, v := range t.vars {
			used[v] = true
		}
	}
	for _, v := range slices.Concat(varsConnection, varsBecome, varsBecomeMethod, varsBecomeUser, varsArgs) {
		used[v] = true
	}
	return used
}()

var (
	// ansibleQuiet are variables of Ansible that say only how it works on a
	// host, which tmdoctor does in its own way.
	ansibleQuiet = regexp.MustCompile(`^ansible_(?:\w+_interpreter|facts|group_priority|remote_tmp|async_dir|pipelining|ssh_pipelining|ssh_retries|ssh_transfer_method|scp_\w+|sftp_\w+|control_path|control_path_dir|ssh_executable|shell_\w+|module_\w+|winrm_\w+|psrp_\w+|network_\w+)$`)
	// ansibleSecret are variables that hold a password or a key.
	ansibleSecret = regexp.MustCompile(`^ansible_\w*(?:pass|password|passphrase|private_key)$`)
)

// variable keeps a variable that is used, and notes any other.
func (a *ansibleFile) variable(vars *ansibleVars, name string, v ansibleValue) {
	switch {
	case ansibleUsed[name]:
		vars.set(name, v)
	case ansibleSecret.MatchString(name):
		a.notes.add(v.at, name, "%s is not used: tmdoctor takes no password or key from an inventory", name)
	case strings.HasPrefix(name, "ansible_") && !ansibleQuiet.MatchString(name):
		a.notes.add(v.at, name, "%s is not used", shown(name))
	default:
		a.notes.variable(name, v.at)
	}
}

// shown is a word of a file as a message has it: in quotes unless it is as
// plain as it should be.
func shown(word string) string {
	if f := checkChars("", word, strings.TrimLeft(word, "-"), ""); f != nil {
		return strconv.Quote(word)
	}
	return word
}

// lookup is the effective value of a variable.
type lookup func(name string) (ansibleVar, bool)

// last is the last of several names that is set.
func (get lookup) last(names []string) (ansibleVar, bool) {
	for _, name := range slices.Backward(names) {
		if v, ok := get(name); ok {
			return v, true
		}
	}
	return ansibleVar{}, false
}

// settings writes what the variables of a host say into e.
func (a *ansibleFile) settings(e *entry, get lookup) error {
	for _, t := range ansibleTexts {
		v, ok := get.last(t.vars)
		if !ok {
			continue
		}
		s, err := v.want()
		if err != nil {
			return err
		}
		if f := t.check(s); f != nil {
			return v.at.errorf(f.hint, "%s: %s", v.name, f.msg)
		}
		e.set = append(e.set, setting{key: t.key, value: s, at: v.at})
	}
	jump, at, err := a.jump(get)
	if err != nil {
		return err
	}
	if jump != "" {
		e.set = append(e.set, setting{key: keyJump, value: jump, at: at})
	}
	sudo, at, err := a.sudo(get)
	if err != nil {
		return err
	}
	if sudo {
		e.set = append(e.set, setting{key: keySudo, value: "true", at: at})
	}
	e.local, err = a.connection(get)
	return err
}

// want is the value as text. What only Ansible could evaluate is refused: a
// guess would reach another host, or as another user.
func (v ansibleVar) want() (string, error) {
	const hint = "write the value itself, for Ansible too"
	switch v.kind {
	case valueVault:
		return "", v.at.errorf("tmdoctor decrypts nothing: write the value in the clear", "%s is encrypted by ansible-vault", v.name)
	case valueOther:
		return "", v.at.errorf(hint, "%s: want text, found %s", v.name, v.text)
	case valueNumber, valueTruth:
		return "", v.at.errorf("put it into quotes if it is text", "%s: Ansible does not take %q for text", v.name, v.text)
	}
	for _, mark := range []string{"{{", "{%", "{#"} {
		if strings.Contains(v.text, mark) {
			return "", v.at.errorf("templates are not evaluated: write the value itself, or give the host to tmdoctor in an inventory of its own",
				"%s is a template: %q", v.name, v.text)
		}
	}
	return v.text, nil
}

func checkPort(s string) *fault {
	_, f := parsePort(s)
	if f != nil {
		f.hint = "write it without quotes and leading zeros"
	}
	return f
}

// connection says whether a host is this machine, and notes what is not ssh.
func (a *ansibleFile) connection(get lookup) (local bool, err error) {
	v, ok := get.last(varsConnection)
	if !ok {
		return false, nil
	}
	s, err := v.want()
	if err != nil {
		return false, err
	}
	switch strings.TrimPrefix(s, "ansible.builtin.") {
	case "local":
		return true, nil
	case "ssh", "smart", "paramiko", "paramiko_ssh":
	default:
		a.notes.add(v.at, "connection "+s, "ansible_connection %q is not known: its hosts are asked over ssh", s)
	}
	return false, nil
}

// sudo says whether a host is to be asked with sudo.
func (a *ansibleFile) sudo(get lookup) (bool, position, error) {
	v, ok := get.last(varsBecome)
	if !ok {
		return false, position{}, nil
	}
	truth := v.text
	if v.kind != valueTruth {
		s, err := v.want()
		if err != nil {
			return false, v.at, err
		}
		truth = strings.ToLower(strings.TrimSpace(s))
	}
	switch truth {
	case "true", "yes", "on", "y", "t", "1":
	case "false", "no", "off", "n", "f", "0":
		return false, v.at, nil
	default:
		return false, v.at, v.at.errorf("write true or false", "ansible_become: %q is neither true nor false", v.text)
	}
	if m, ok := get.last(varsBecomeMethod); ok {
		s, err := m.want()
		if err != nil {
			return false, v.at, err
		}
		if strings.TrimPrefix(s, "ansible.builtin.") != "sudo" {
			a.notes.add(m.at, "become "+s, "%s %q is not known, only sudo: its hosts are asked without", m.name, s)
			return false, v.at, nil
		}
	}
	if u, ok := get.last(varsBecomeUser); ok {
		s, err := u.want()
		if err != nil {
			return false, v.at, err
		}
		if s != "root" {
			a.notes.add(u.at, "become user "+s, "%s %q is not used: sudo is for root and for the TaskManager's user", u.name, s)
		}
	}
	return true, v.at, nil
}
