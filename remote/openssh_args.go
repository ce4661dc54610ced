package remote

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// sshProgram is the ssh(1) that is run.
type sshProgram struct {
	path         string
	version      string // as ssh -V says it
	major, minor int
}

var sshVersion = regexp.MustCompile(`^OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)`)

const noSSHHint = "install OpenSSH's client (openssh-client, openssh-clients, openssh), or leave out --transport openssh"

// findSSH looks for ssh(1) of OpenSSH 7.4 or newer, the first whose control
// socket others than ssh may use.
func findSSH() (p sshProgram, e *Error) {
	path, err := exec.LookPath("ssh")
	if err != nil {
		return p, &Error{Phase: PhaseConfig, Reason: "transport openssh: there is no ssh(1) in PATH", Err: err, Hint: noSSHHint}
	}
	out, err := exec.Command(path, "-V").CombinedOutput()
	p = sshProgram{path: path, version: excerptText(string(out))}
	m := sshVersion.FindStringSubmatch(p.version)
	if err != nil || m == nil {
		return p, &Error{Phase: PhaseConfig, Reason: fmt.Sprintf("transport openssh: %s is not OpenSSH's: it says %s", path, excerpt(out)), Err: err, Hint: noSSHHint}
	}
	p.major, _ = strconv.Atoi(m[1])
	p.minor, _ = strconv.Atoi(m[2])
	if !p.since(7, 4) {
		return p, &Error{Phase: PhaseConfig, Reason: fmt.Sprintf("transport openssh: %s is %s, and 7.4 is the oldest that serves", path, p.version), Hint: noSSHHint}
	}
	return p, nil
}

func (p sshProgram) since(major, minor int) bool {
	return p.major > major || p.major == major && p.minor >= minor
}

// checkTarget refuses what ssh could take for something else than a name.
func checkTarget(h inventory.Host) *Error {
	for _, w := range []struct{ what, value, never string }{
		{"name", h.Name, " \t\n\x00/@"}, {"address", h.Address, " \t\n\x00/@"}, {"user", h.User, "\n\x00"}, {"jump host", h.Jump, " \t\n\x00/"},
	} {
		if strings.HasPrefix(w.value, "-") || strings.ContainsAny(w.value, w.never) {
			return &Error{Phase: PhaseConfig, Reason: fmt.Sprintf("the %s %q is not one that ssh can be given", w.what, w.value), Hint: "correct it in the inventory"}
		}
	}
	return nil
}

// keepAliveArgs let ssh notice a host that went away in silence, within what
// [Native] takes for it.
var keepAliveArgs = []string{"-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=2"}

// options are the arguments for every ssh that is run, on jump hosts too: what
// must not be, whatever ssh_config says, and what Options ask for. Nobody is
// asked anything (BatchMode): many hosts are at work at once, and ssh would
// ask for each of them.
func (o *OpenSSH) options() ([]string, *Error) {
	args := []string{"-a", "-x", "-T", "-e", "none"}
	switch o.opts.ConfigFile {
	case "":
	case "none":
		args = append(args, "-F", os.DevNull)
	default:
		args = append(args, "-F", o.opts.ConfigFile)
	}
	option := func(s string) { args = append(args, "-o", s) }
	for _, s := range []string{"BatchMode=yes", "ClearAllForwardings=yes", "PermitLocalCommand=no", "Tunnel=no", "UpdateHostKeys=no", "ControlPersist=no"} {
		option(s)
	}
	if o.program.since(7, 6) {
		option("RemoteCommand=none")
	}
	if o.program.since(8, 7) {
		option("ForkAfterAuthentication=no")
	}
	if o.opts.AcceptNew {
		option("StrictHostKeyChecking=accept-new")
	}
	if len(o.opts.KnownHosts) > 0 {
		files, e := o.fileWords(o.opts.KnownHosts)
		if e != nil {
			return nil, e
		}
		option("UserKnownHostsFile=" + files)
		option("GlobalKnownHostsFile=" + os.DevNull)
	}
	return args, nil
}

// fileWords are paths as one value of ssh_config.
func (o *OpenSSH) fileWords(paths []string) (string, *Error) {
	words := make([]string, len(paths))
	for i, p := range paths {
		p, err := expandHome(p, o.opts.Home)
		if err != nil || strings.ContainsAny(p, "\"\\\n") {
			return "", &Error{Phase: PhaseConfig, Reason: fmt.Sprintf("%q is not a path that ssh can be given", p), Err: err}
		}
		words[i] = `"` + noTokens(p) + `"`
	}
	return strings.Join(words, " "), nil
}

// noTokens keeps ssh from expanding a value (TOKENS in ssh_config(5)).
func noTokens(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// target are the arguments that name a host, the last of a command.
func (o *OpenSSH) target(h inventory.Host) ([]string, *Error) {
	args, e := o.options()
	if e != nil {
		return nil, e
	}
	identities := o.opts.Identity
	if h.IdentityFile != "" {
		identities = append([]string{h.IdentityFile}, identities...)
	}
	for _, f := range identities {
		p, err := expandHome(f, o.opts.Home)
		if err != nil {
			return nil, &Error{Phase: PhaseConfig, Reason: "identity file: " + err.Error(), Err: err}
		}
		args = append(args, "-i", noTokens(p))
	}
	if h.Address != "" {
		args = append(args, "-o", "HostName="+noTokens(h.Address))
	}
	if h.Port != 0 {
		args = append(args, "-p", strconv.Itoa(h.Port))
	}
	if h.User != "" {
		args = append(args, "-l", h.User)
	}
	if strings.EqualFold(h.Jump, "none") {
		args = append(args, "-o", "ProxyJump=none")
	} else if h.Jump != "" {
		command, e := o.jumpCommand(h.Jump)
		if e != nil {
			return nil, e
		}
		args = append(args, "-o", "ProxyCommand="+command)
	}
	return append(args, "--", h.Name), nil
}

// jumpCommand is the ProxyCommand for jump hosts. It is tempting to use -J, or
// ProxyJump of ssh_config as it is, but the ssh that they start is given none
// of our options: it would offer an empty password where it can ask nobody.
// Jump hosts before the last are left to it.
func (o *OpenSSH) jumpCommand(jump string) (string, *Error) {
	args, e := o.options()
	if e != nil {
		return "", e
	}
	for _, f := range o.opts.Identity {
		if p, err := expandHome(f, o.opts.Home); err == nil {
			args = append(args, "-i", noTokens(p))
		}
	}
	// A master that the user runs there is used. One that began here would end
	// with this host, and others through it.
	args = append(args, "-o", "ControlMaster=no")
	if i := strings.LastIndexByte(jump, ','); i >= 0 {
		args = append(args, "-J", jump[:i])
		jump = jump[i+1:]
	}
	user, address, ok := cutLast(jump, "@")
	if ok {
		args = append(args, "-l", user)
	}
	address, port, err := cutPort(address)
	if err != nil {
		return "", &Error{Phase: PhaseConfig, Reason: fmt.Sprintf("jump host %q: %v", jump, err), Err: err}
	}
	if port != 0 {
		args = append(args, "-p", strconv.Itoa(port))
	}
	if e := checkTarget(inventory.Host{Name: address, User: user}); e != nil {
		return "", e
	}
	words := []string{quoteWord(o.program.path)}
	for _, a := range args {
		words = append(words, quoteWord(noTokens(a)))
	}
	return strings.Join(append(words, "-W", "'[%h]:%p'", "--", quoteWord(noTokens(address))), " "), nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// jumpNames are jump hosts as they are written.
func jumpNames(jump string) (jumps []Settings) {
	if jump == "" || strings.EqualFold(jump, "none") {
		return nil
	}
	for hop := range strings.SplitSeq(jump, ",") {
		user, address, _ := cutLast(hop, "@")
		host, port, err := cutPort(address)
		if err != nil {
			host = address
		}
		if port == 0 {
			port = 22
		}
		jumps = append(jumps, Settings{Name: host, Address: host, Port: port, User: user})
	}
	return jumps
}

// environ is ours, but that nobody can be asked by another way than BatchMode
// rules out, and that messages are those this package knows.
func (o *OpenSSH) environ() []string {
	env := []string{"LC_ALL=C", "SSH_ASKPASS_REQUIRE=never"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "LC_ALL", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_AUTH_SOCK", "DISPLAY", "WAYLAND_DISPLAY":
		default:
			env = append(env, v)
		}
	}
	if agent := o.opts.Env("SSH_AUTH_SOCK"); agent != "" {
		env = append(env, "SSH_AUTH_SOCK="+agent)
	}
	return env
}
