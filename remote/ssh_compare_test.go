package remote

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// What ssh -G says about a host is what Resolve says.
func TestResolveAgreesWithSSH(t *testing.T) {
	t.Parallel()
	need(t, "ssh")
	archive, err := os.ReadFile("testdata/ssh_config.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse(archive).Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			hosts, config, _ := strings.Cut(string(f.Data), "\n")
			for _, name := range strings.Fields(strings.TrimPrefix(hosts, "# hosts:")) {
				if refused := compareWithSSH(t, config, name); refused != "" {
					t.Errorf("%s: %s", name, refused)
				}
			}
		})
	}
}

// refusedByName are the reasons for which a configuration that ssh takes may be
// refused here: what ssh does with it depends on its version, on a command it
// runs, or is a trap.
var refusedByName = []*regexp.Regexp{
	regexp.MustCompile(`Match .* is not supported and could apply`),
	regexp.MustCompile(`versions of ssh before 10\.1 read the files again`),
	regexp.MustCompile(`proxycommand below proxyjump none`), // used since 10.3, and by some distributions before
	regexp.MustCompile(`is reached through itself$`),
	regexp.MustCompile(`no way to log in is left by`),
	regexp.MustCompile(`: user .*: ssh expands tokens here since version 10`),
}

// compareWithSSH compares every key that both resolve. It gives the reason if
// the host is refused by name.
func compareWithSSH(t *testing.T, config, name string) (refused string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	r, home, err := resolver(t, config, Options{User: me.Username})
	said, sshErr := askSSH(t, filepath.Join(home, ".ssh", "test_config"), name, me.HomeDir, home)
	if err != nil {
		if sshErr == nil {
			t.Errorf("%s: ssh takes it, and here it is %v", name, err)
		}
		return ""
	}
	got, err := r.Resolve(inventory.Host{Name: name})
	var e *Error
	if errors.As(err, &e) {
		if sshErr == nil && !slices.ContainsFunc(refusedByName, func(r *regexp.Regexp) bool { return r.MatchString(e.Reason) }) {
			t.Errorf("%s: ssh takes it, and here it is refused: %v", name, err)
		}
		return e.Reason
	}
	if sshErr != nil {
		t.Errorf("%s: ssh says %v, and here it is taken", name, sshErr)
		return ""
	}
	l := newLookup(r, inventory.Host{Name: name})
	if err := l.read(); err != nil {
		t.Fatal(err)
	}
	p := sshAnswer{t: t, said: said, tokens: l.tokens(&got), l: l, s: &got}
	want := p.settings()
	want.Name, want.Warnings, want.DefaultIdentities = got.Name, got.Warnings, got.DefaultIdentities
	if got.DefaultIdentities {
		want.IdentityFiles = got.IdentityFiles
	}
	if p.oldHash() {
		full, _ := os.Hostname()
		for _, list := range [][]string{got.KnownHosts, {got.IdentityAgent}} {
			for i := range list {
				list[i] = strings.ReplaceAll(list[i], p.tokens.percent['C'], connectionHash(full, &got, ""))
			}
			if len(list) == 1 {
				got.IdentityAgent = list[0]
			}
		}
	}
	p.jumps(got.Jumps)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Settings{}, "Jumps")); diff != "" {
		t.Errorf("%s (-ssh +ours):\n%s", name, diff)
	}
	return ""
}

// askSSH gives the lines of ssh -G by their keys. ssh knows the home from
// passwd, whatever HOME is.
func askSSH(t *testing.T, config, name, realHome, home string) (map[string][]string, error) {
	t.Helper()
	cmd := exec.Command("ssh", "-G", "-F", config, "--", name)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for k, v := range testEnv {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, err := cmd.Output()
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		return nil, errors.New(string(ee.Stderr))
	}
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		words := strings.Split(v, " ")
		for i, w := range words {
			if rest, ok := strings.CutPrefix(w, realHome+"/"); ok && realHome != "/" {
				words[i] = home + "/" + rest
			}
		}
		said[k] = append(said[k], strings.Join(words, " "))
	}
	return said, nil
}

// sshAnswer makes Settings of what ssh -G says. What ssh expands later is
// expanded with our tokens: those of UserKnownHostsFile and IdentityAgent, which
// ssh -G expands, show that they are right.
type sshAnswer struct {
	t      *testing.T
	said   map[string][]string
	tokens tokens
	l      *lookup
	s      *Settings
}

func (p *sshAnswer) one(key string) string {
	if v := p.said[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (p *sshAnswer) paths(key string, t tokens) (files []string) {
	for _, f := range p.said[key] {
		if f == "none" {
			continue
		}
		path, err := t.path(place{}, f)
		if err != nil {
			p.t.Fatal(err)
		}
		if !slices.Contains(files, path) {
			files = append(files, path)
		}
	}
	return files
}

func (p *sshAnswer) settings() Settings {
	s := Settings{Address: p.one("hostname"), User: p.one("user"), HostKeyAlias: p.one("hostkeyalias"), BindAddress: p.one("bindaddress")}
	s.Port, _ = strconv.Atoi(p.one("port"))
	s.IdentityFiles, s.CertificateFiles = p.paths("identityfile", p.tokens), p.paths("certificatefile", p.tokens)
	for _, f := range strings.Fields(p.one("revokedhostkeys")) { // without tokens, or expanded by ssh
		if f != "none" {
			s.RevokedHostKeys = append(s.RevokedHostKeys, f)
		}
	}
	s.IdentitiesOnly, s.HashKnownHosts = p.one("identitiesonly") == "yes", p.one("hashknownhosts") == "yes"
	s.Network = map[string]string{"any": "tcp", "inet": "tcp4", "inet6": "tcp6"}[p.one("addressfamily")]
	s.AcceptNew = slices.Contains([]string{"accept-new", "no", "off", "false"}, p.one("stricthostkeychecking"))
	if n, err := strconv.Atoi(p.one("connecttimeout")); err == nil {
		s.Connect = time.Duration(n) * time.Second
	}
	for _, f := range strings.Fields(p.one("userknownhostsfile")) {
		if f != "none" {
			s.KnownHosts = append(s.KnownHosts, filepath.Clean(f))
		}
	}
	for _, f := range strings.Fields(p.one("globalknownhostsfile")) {
		f, err := expandHome(f, p.l.r.opts.Home)
		if err != nil {
			p.t.Fatal(err)
		}
		if f != "none" {
			s.KnownHosts = append(s.KnownHosts, filepath.Clean(f))
		}
	}
	switch agent := p.one("identityagent"); {
	case agent == "none":
	case agent == "" || agent == "SSH_AUTH_SOCK":
		s.IdentityAgent = testEnv["SSH_AUTH_SOCK"]
	case strings.HasPrefix(agent, "$"):
		s.IdentityAgent = testEnv[agent[1:]]
	default:
		s.IdentityAgent = agent
	}
	if c := p.one("proxycommand"); c != "" && c != "none" && p.one("proxyjump") == "" {
		var err error
		if s.ProxyCommand, err = expandTokens(place{}, c, p.l.commandTokens(p.s), nil); err != nil {
			p.t.Fatal(err)
		}
	}
	s.Methods = p.methods()
	return s
}

func (p *sshAnswer) methods() (methods []string) {
	off := map[string]bool{
		"publickey": p.one("pubkeyauthentication") == "no" || p.one("pubkeyauthentication") == "false", "password": p.one("passwordauthentication") == "no", "keyboard-interactive": p.one("kbdinteractiveauthentication") == "no",
	}
	all := []string{"publickey", "keyboard-interactive", "password"}
	preferred := all
	if v := p.one("preferredauthentications"); v != "" {
		preferred = strings.Split(v, ",")
	}
	for _, m := range preferred {
		if slices.Contains(all, m) && !off[m] && !(p.one("batchmode") == "yes" && m != "publickey") {
			methods = append(methods, m)
		}
	}
	if slices.Equal(methods, all) {
		return nil
	}
	return methods
}

// jumps compares the jump hosts that are named for this host, from the last on.
func (p *sshAnswer) jumps(ours []Settings) {
	p.t.Helper()
	line := p.one("proxyjump")
	if line == "" || line == "none" {
		if len(ours) > 0 {
			p.t.Errorf("%s: jump hosts %+v, ssh has none", p.s.Name, ours)
		}
		return
	}
	words := strings.Split(line, ",")
	slices.Reverse(words)
	for i, w := range words {
		w, err := expandTokens(place{}, w, p.l.commandTokens(p.s), nil)
		if err != nil {
			p.t.Fatal(err)
		}
		hop, err := parseJump(w)
		if err != nil {
			p.t.Fatal(err)
		}
		if i >= len(ours) {
			p.t.Errorf("%s: jump hosts %+v, ssh says %s", p.s.Name, ours, line)
			return
		}
		o := ours[len(ours)-1-i]
		if o.Name != hop.Name || hop.User != "" && o.User != hop.User || hop.Port != 0 && o.Port != hop.Port {
			p.t.Errorf("%s: jump host %+v, ssh says %s of %s", p.s.Name, o, w, line)
		}
	}
}

// oldHash is true if this ssh leaves the jump host out of %C.
func (p *sshAnswer) oldHash() bool {
	program, e := findSSH()
	if e != nil {
		p.t.Fatal(e)
	}
	return !program.since(9, 6)
}
