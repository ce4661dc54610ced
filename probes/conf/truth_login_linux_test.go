package conf_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

const (
	limitsPath = "/etc/security/limits.conf"
	limitsD    = "/etc/security/limits.d"
)

// loginUsers are who logs in. anna's primary group is a second one of flink's.
var loginUsers = map[string]conf.LoginUser{
	"root":  {Name: "root", Groups: []conf.LoginGroup{{Name: "root"}}},
	"flink": {Name: "flink", UID: 1500, GID: 1500, Groups: []conf.LoginGroup{{Name: "flink", GID: 1500}, {Name: "tm", GID: 1501}}},
	"anna":  {Name: "anna", UID: 1600, GID: 1501, Groups: []conf.LoginGroup{{Name: "tm", GID: 1501}}},
}

// session is how a user comes to a shell.
type session struct {
	program, service, user string
	argv                   []string // nil is ssh
}

const limitsOfShell = "cat /proc/self/limits"

var sessions = []session{
	{"su", "su", "flink", []string{"/bin/su", "flink", "-c", limitsOfShell}},
	{"su", "su", "anna", []string{"/bin/su", "anna", "-c", limitsOfShell}},
	{"su", "su", "root", []string{"/bin/su", "root", "-c", limitsOfShell}},
	{"sudo", "sudo", "flink", []string{"/usr/bin/sudo", "-u", "flink", "cat", "/proc/self/limits"}},
	{"sshd", "sshd", "flink", nil},
	{"sshd", "sshd", "root", nil},
}

// logins judges the sessions that the release's own su, sudo and sshd open
// with its own PAM stack on random trees.
func (tr *truth) logins() {
	key := tr.addUsers()
	stacks, err := gather([]string{"/etc/pam.d"})
	if err != nil {
		tr.Fatal(err)
	}
	nrOpen := readNumber(tr, "/proc/sys/fs/nr_open")
	raise := mayRaise(tr)
	for n := range *truthTrees {
		g := limitsTrees{rng: tr.rng, nrOpen: nrOpen, plain: n == 0}
		g.tree()
		if err := plant([]string{limitsD}, []string{limitsPath}, g.files); err != nil {
			tr.Fatal(err)
		}
		files, err := gather([]string{limitsD}, limitsPath)
		if err != nil {
			tr.Fatal(err)
		}
		version := tr.version("libpam-modules")
		if n%2 == 1 {
			version = "" // the release alone tells it
		}
		in := conf.Login{Files: files, Variants: conf.VariantsOf(tr.osRelease, version, files), NROpen: nrOpen, PID1: tr.limitsOf1()}
		begin, unprivileged := tr.beginning(nrOpen, raise)
		in.Unprivileged = unprivileged
		tr.judgeSessions(n, in, stacks, g.files, begin, key)
	}
}

// judgeSessions opens all sessions on one tree. The first tree is empty and
// must refuse nobody: it shows that sessions can be opened at all.
func (tr *truth) judgeSessions(n int, in conf.Login, stacks, tree []conf.File, begin []string, key ssh.Signer) {
	daemon := tr.startSSHD(begin)
	wrong, told := map[string][]string{}, map[string]bool{}
	var programs []string
	for _, s := range sessions {
		stack := conf.PAMStack(stacks, s.service)
		if stack.Unknown != "" {
			tr.Fatalf("the stack of %s: %s", s.service, stack.Unknown)
		}
		one := in
		one.User, one.Modules = loginUsers[s.user], stack.Modules
		var text, why string
		if s.argv == nil {
			one.Start = daemon.limits
			text, why = daemon.session(s.user, key)
		} else {
			one.Start = tr.startOf(s, begin, stacks)
			text, why = tr.open(s, begin)
		}
		if n == 0 && len(conf.ParseProcLimits(text)) == 0 {
			tr.Fatalf("%s opens no session for %s: %s", s.program, s.user, why)
		}
		if !slices.Contains(programs, s.program) {
			programs = append(programs, s.program)
		}
		got := conf.ResolveLogin(one)
		told[s.program] = told[s.program] || decides(got) || len(one.Modules) == 0 // sudo of Debian 11 has none
		if w := compareLimits(got, text); len(w) > 0 {
			wrong[s.program] = append(wrong[s.program], fmt.Sprintf("%s of %s (%q, process 1 has nofile %v, unprivileged %v): %s",
				s.program, s.user, begin, one.PID1["nofile"], one.Unprivileged, why))
			wrong[s.program] = append(wrong[s.program], w...)
		}
	}
	if said := daemon.stop(); len(wrong["sshd"]) > 0 {
		wrong["sshd"] = append(wrong["sshd"], said)
	}
	for _, p := range programs {
		tr.verdict(p, n, tree, told[p], wrong[p])
	}
}

// open opens a session and gives what the shell in it printed.
func (tr *truth) open(s session, begin []string) (text, why string) {
	text, errs, status := tr.run(append(slices.Clone(begin), s.argv...)...)
	return text, fmt.Sprintf("status %d %s", status, errs)
}

// startOf measures the limits with which a session begins: those it has where
// its stack is without pam_limits. They are not those of the process that
// started the program: su of util-linux since 2.38 lowers the soft limit of
// open files to 1024 for itself, and sudo its core files to none.
func (tr *truth) startOf(s session, begin []string, stacks []conf.File) map[string]conf.Rlimits {
	name := "/etc/pam.d/" + s.service
	stack := stacks[slices.IndexFunc(stacks, func(f conf.File) bool { return f.Path == name })]
	var without strings.Builder
	for line := range strings.Lines(stack.Content) {
		if !strings.Contains(line, "pam_limits.so") {
			without.WriteString(line)
		}
	}
	if err := os.WriteFile(name, []byte(without.String()), 0o644); err != nil {
		tr.Fatal(err)
	}
	text, why := tr.open(s, begin)
	start := conf.ParseProcLimits(text)
	if len(start) < 16 {
		tr.Fatalf("%s without pam_limits: %s", s.program, why)
	}
	if err := os.WriteFile(name, []byte(stack.Content), 0o644); err != nil {
		tr.Fatal(err)
	}
	return start
}

// decides reports whether a line or a file of the tree decided anything.
func decides(got conf.LoginLimits) bool {
	for _, l := range got.Items {
		if l.Soft.At.File != "" || l.Hard.At.File != "" {
			return true
		}
	}
	return got.Refused != ""
}

// compareLimits says where the resolver gives something else than
// /proc/self/limits of a session. A text without limits is a session refused:
// sshd prints the message of the day in one.
func compareLimits(got conf.LoginLimits, text string) (wrong []string) {
	if refused := len(conf.ParseProcLimits(text)) == 0; refused || got.Refused != "" {
		if refused != (got.Refused != "") {
			wrong = append(wrong, fmt.Sprintf("refused %v, resolved to %q", refused, got.Refused))
		}
		return wrong
	}
	for item, real := range conf.ParseProcLimits(text) {
		l := got.Items[item]
		for i, b := range []conf.Bound{l.Soft, l.Hard} {
			want := [2]conf.Rlimit{real.Soft, real.Hard}[i]
			name := [2]string{"soft ", "hard "}[i] + item
			switch {
			case !b.Known:
				wrong = append(wrong, fmt.Sprintf("%s is %s, resolved to nothing: %s", name, want, b.Why))
			case b.Value != want:
				wrong = append(wrong, fmt.Sprintf("%s is %s, resolved to %s (%s %s)", name, want, b.Value, b.From, b.At))
			}
		}
	}
	return wrong
}

// limitsOf1 gives process 1 of the namespace, which is this one, other soft
// limits than before, and reads them as pam_limits does.
func (tr *truth) limitsOf1() map[string]conf.Rlimits {
	for resource, values := range map[int][]uint64{
		unix.RLIMIT_NOFILE:  {512, 1024, 4096, unix.RLIM_INFINITY},
		unix.RLIMIT_CORE:    {0, 1 << 20, unix.RLIM_INFINITY},
		unix.RLIMIT_MEMLOCK: {1 << 16, unix.RLIM_INFINITY},
		unix.RLIMIT_NPROC:   {5000, unix.RLIM_INFINITY},
	} {
		var l unix.Rlimit
		if err := unix.Getrlimit(resource, &l); err != nil {
			tr.Fatal(err)
		}
		l.Cur = min(l.Max, pick(tr.rng, values...))
		if err := unix.Setrlimit(resource, &l); err != nil {
			tr.Fatal(err)
		}
	}
	text, err := os.ReadFile("/proc/1/limits")
	if err != nil {
		tr.Fatal(err)
	}
	return conf.ParseProcLimits(string(text))
}

// beginning is a command before a command that gives it other limits to start
// with, and, where this process may raise limits, takes that away from it in
// one tree of three.
func (tr *truth) beginning(nrOpen uint64, raise bool) (argv []string, unprivileged bool) {
	var own, core unix.Rlimit
	if err := errors.Join(unix.Getrlimit(unix.RLIMIT_NOFILE, &own), unix.Getrlimit(unix.RLIMIT_CORE, &core)); err != nil {
		tr.Fatal(err)
	}
	most := own.Max
	if raise && chance(tr.rng, 50) {
		most = nrOpen
	}
	hard := most - pick(tr.rng, 0, 0, tr.rng.Uint64N(most/2+1))
	soft := pick(tr.rng, hard, min(hard, 1024), hard-tr.rng.Uint64N(hard/2+1))
	argv = []string{"/usr/bin/prlimit", fmt.Sprintf("--nofile=%d:%d", soft, hard)}
	if n := min(core.Max, 1<<20); chance(tr.rng, 75) {
		argv = append(argv, "--core="+pick(tr.rng, "0:", "0:0", fmt.Sprintf("%d:%d", n, n)))
	}
	if raise && chance(tr.rng, 33) {
		raise = false
		argv = append(argv, "/usr/bin/setpriv", "--bounding-set=-sys_resource")
	}
	return argv, !raise
}

// mayRaise reports whether this process has CAP_SYS_RESOURCE.
func mayRaise(tr *truth) bool {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tr.Fatal(err)
	}
	_, caps, _ := strings.Cut(string(text), "\nCapEff:\t")
	caps, _, _ = strings.Cut(caps, "\n")
	set, err := strconv.ParseUint(caps, 16, 64)
	if err != nil {
		tr.Fatal(err)
	}
	return set&(1<<unix.CAP_SYS_RESOURCE) != 0
}

func readNumber(tr *truth, path string) uint64 {
	text, err := os.ReadFile(path)
	n, parse := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err := errors.Join(err, parse); err != nil {
		tr.Fatal(err)
	}
	return n
}
