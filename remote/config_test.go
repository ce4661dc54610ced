package remote

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// resolver reads the ssh_config text from a home of its own, where the other
// files of the archive are too.
func resolver(t testing.TB, archive string, opts Options) (*Resolver, string, error) {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse([]byte(archive))
	path := writeFile(t, filepath.Join(home, ".ssh", "test_config"), strings.ReplaceAll(string(a.Comment), "HOME", home))
	for _, f := range a.Files {
		writeFile(t, filepath.Join(home, ".ssh", f.Name), string(f.Data))
	}
	opts.ConfigFile, opts.Home = path, home
	if opts.User == "" {
		opts.User = "me"
	}
	opts.Env = func(k string) string { return map[string]string{"FLEET": "blue", "SSH_AUTH_SOCK": "/run/agent"}[k] }
	r, err := NewResolver(opts)
	return r, home, err
}

func TestResolve(t *testing.T) {
	t.Parallel()
	base := Settings{
		Name: "tm1", Address: "tm1", Port: 22, User: "me", Network: "tcp", DefaultIdentities: true, IdentityAgent: "/run/agent",
		IdentityFiles: []string{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"},
		KnownHosts:    []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"},
	}
	for _, c := range []struct {
		name, config string
		host         inventory.Host
		change       func(s *Settings)
	}{
		{"nothing is the defaults", "", inventory.Host{}, func(s *Settings) {}},
		{"first value wins", "Host tm1\nPort 2201\nHost *\nPort 2202\nUser flink\n", inventory.Host{}, func(s *Settings) { s.Port, s.User = 2201, "flink" }},
		{"inventory wins over ssh_config", "Host *\nHostName x\nPort 1\nUser y\n", inventory.Host{Address: "10.0.0.1", Port: 2200, User: "ops"},
			func(s *Settings) { s.Address, s.Port, s.User = "10.0.0.1", 2200, "ops" }},
		{"HostName has %h", "Host tm?\nHostName %h.Example.org\n", inventory.Host{}, func(s *Settings) { s.Address = "tm1.example.org" }},
		{"identity files add up, with tokens", "Host tm1\nIdentityFile ~/keys/%r@%h:%p-${FLEET}\nHost *\nIdentityFile \"/k 1/%n%%\"\nIdentitiesOnly yes\n", inventory.Host{IdentityFile: "~/own"},
			func(s *Settings) {
				s.IdentityFiles, s.DefaultIdentities, s.IdentitiesOnly = []string{"~/own", "~/keys/me@tm1:22-blue", "/k 1/tm1%"}, false, true
			}},
		{"several known_hosts", "UserKnownHostsFile ~/a \"~/b c\"\nGlobalKnownHostsFile none\n", inventory.Host{}, func(s *Settings) { s.KnownHosts = []string{"~/a", "~/b c"} }},
		{"agent none", "IdentityAgent none\n", inventory.Host{}, func(s *Settings) { s.IdentityAgent = "" }},
		{"agent path", "IdentityAgent ~/agent.sock\n", inventory.Host{}, func(s *Settings) { s.IdentityAgent = "~/agent.sock" }},
		{"agent variable", "IdentityAgent $FLEET\n", inventory.Host{}, func(s *Settings) { s.IdentityAgent = "blue" }},
		{"alias, timeout, family, bind", "HostKeyAlias Fleet\nConnectTimeout 1m5s\nAddressFamily inet6\nBindAddress ::1\n", inventory.Host{},
			func(s *Settings) {
				s.HostKeyAlias, s.Connect, s.Network, s.BindAddress = "fleet", 65*time.Second, "tcp6", "::1"
			}},
		{"hashed names", "HashKnownHosts yes\n", inventory.Host{}, func(s *Settings) { s.HashKnownHosts = true }},
		{"accept-new", "StrictHostKeyChecking accept-new\n", inventory.Host{}, func(s *Settings) { s.AcceptNew = true }},
		{"no never weakens", "StrictHostKeyChecking no\n", inventory.Host{}, func(s *Settings) {
			s.AcceptNew = true
			s.Warnings = []string{"CONFIG:1: StrictHostKeyChecking no is taken as accept-new: changed keys are refused"}
		}},
		{"algorithms are a warning", "Ciphers aes128-cbc\n", inventory.Host{}, func(s *Settings) {
			s.Warnings = []string{"CONFIG:1: ciphers not honoured, tmdoctor's own algorithms are used"}
		}},
		{"what is skipped of Red Hat's default", "Match final all\nCiphers a\nKexAlgorithms b\nGSSAPIAuthentication yes\nHost *\nPort 3\n", inventory.Host{}, func(s *Settings) {
			s.Port = 3
			s.Warnings = []string{"CONFIG:1: Match final all skipped: it has nothing but algorithms, and tmdoctor's own are used"}
		}},
		{"Match all", "Match all\nPort 5\n", inventory.Host{}, func(s *Settings) { s.Port = 5 }},
		{"a Match for another host", "Match host other,x* user root\nProxyCommand nc\nMatch originalhost b exec \"true\"\nPort 1\n", inventory.Host{}, func(s *Settings) {}},
		{"refused where it holds and only there", "Host tm2\nProxyCommand nc %h\nCanonicalizeHostname yes\n", inventory.Host{}, func(s *Settings) {}},
		{"none and no are no refusal", "ProxyCommand none\nCanonicalizeHostname no\nRevokedHostKeys none\nControlPath /x\n", inventory.Host{}, func(s *Settings) {}},
		{"ProxyJump before ProxyCommand wins", "ProxyJump none\nProxyCommand nc %h %p # x\n", inventory.Host{}, func(s *Settings) {}},
		{"IgnoreUnknown", "IgnoreUnknown Foo*\nFooBar baz\n", inventory.Host{}, func(s *Settings) {}},
		{"quotes, tabs, comments, equals", "Host\t\"tm1\"\t# a comment\n\tUser = \"a b\" # c\n  Port\t=2222\r\n", inventory.Host{}, func(s *Settings) { s.User, s.Port = "a b", 2222 }},
		{"last line without newline", "Port 24", inventory.Host{}, func(s *Settings) { s.Port = 24 }},
		{"negation", "Host * !tm1\nPort 5\n", inventory.Host{}, func(s *Settings) {}},
		{"include, guarded by the block around it",
			"Host tm2\nInclude two\nHost tm1\nInclude one*\nUser late\nHost *\nPort 9\n-- one --\nUser early\nHost tm2\nPort 7\nHost tm?\nPort 8\n-- two --\nHost *\nPort 6\n",
			inventory.Host{}, func(s *Settings) { s.User, s.Port = "early", 8 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, home, err := resolver(t, c.config, Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := base
			c.change(&want)
			c.host.Name = "tm1"
			got, err := r.Resolve(c.host)
			if err != nil {
				t.Fatal(err)
			}
			for _, list := range [][]string{got.IdentityFiles, got.KnownHosts, got.Warnings, {got.IdentityAgent}} {
				for i := range list {
					list[i] = strings.ReplaceAll(strings.ReplaceAll(list[i], home+"/.ssh/test_config", "CONFIG"), home, "~")
				}
			}
			got.IdentityAgent = strings.ReplaceAll(got.IdentityAgent, home, "~")
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJumpHostsAreResolvedByTheirOwnBlocks(t *testing.T) {
	t.Parallel()
	config := "Host tm*\nProxyJump ops@inner:2222,[::1]:23\nHost inner\nHostName inner.example\nProxyJump ssh://gate\nHost gate\nUser guard\nPort 443\n" +
		"Host ring\nProxyJump ring2\nHost ring2\nProxyJump ring\n"
	r, _, err := resolver(t, config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Resolve(inventory.Host{Name: "tm1"})
	if err != nil {
		t.Fatal(err)
	}
	var way []string
	for _, j := range s.Jumps {
		way = append(way, j.User+"@"+j.HostPort())
	}
	if diff := cmp.Diff([]string{"guard@gate:443", "ops@inner.example:2222", "me@[::1]:23"}, way); diff != "" {
		t.Errorf("way (-want +got):\n%s", diff)
	}
	_, err = r.Resolve(inventory.Host{Name: "ring"})
	var e *Error
	if !errors.As(err, &e) || e.Phase != PhaseConfig || !strings.Contains(e.Reason, "reached through itself") {
		t.Errorf("ring: %v, want phase config and that it is reached through itself", err)
	}
	if s, err = r.Resolve(inventory.Host{Name: "lone", Jump: "gate"}); err != nil || len(s.Jumps) != 1 || s.Jumps[0].Port != 443 {
		t.Errorf("jump of the inventory: %+v, %v; want gate at port 443", s.Jumps, err)
	}
}

func TestWhatCannotBeHonouredIsRefusedByPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, config, want string }{
		{"ProxyCommand", "Host *\n  ProxyCommand nc %h %p", ":2: proxycommand nc %h %p is not supported"},
		{"Match host", "Match host tm*\nPort 3\n", ":1: Match host tm* is not supported and could apply (it sets port)"},
		{"Match exec", "\nMatch exec \"true\"\nHostName x\n", `:2: Match exec true is not supported and could apply (it sets hostname)`},
		{"Match final with more than algorithms", "Match final all\nCiphers a\nUser root\n", ":1: Match final all is not supported and could apply (it sets user)"},
		{"Match by the address", "HostName db9\nMatch host db*\nUser root\n", ":2: Match host db* is not supported and could apply (it sets user)"},
		{"a block in a Match by Include", "Match user x\nInclude more\n-- more --\nHost *\nPort 1\n", ":1: Match user x is not supported and could apply (it sets port)"},
		{"CanonicalizeHostname", "CanonicalizeHostname always\n", ":1: canonicalizehostname always is not supported"},
		{"BindInterface", "BindInterface eth1\n", ":1: bindinterface eth1 is not supported"},
		{"RevokedHostKeys", "RevokedHostKeys /etc/krl\n", ":1: revokedhostkeys /etc/krl is not supported"},
		{"unknown directive", "Porrt 3\n", ":1: unknown directive porrt"},
		{"bad port", "Port http\n", `:1: port "http" is not a number from 1 to 65535`},
		{"bad token", "IdentityFile %z\n", ":1: token %z is not supported here"},
		{"unset variable", "IdentityFile ${NOPE}/x\n", ":1: environment variable NOPE is not set"},
		{"bad jump", "ProxyJump a:b\n", `:1: jump host "a:b" is not [user@]host[:port]`},
		{"bad yes", "IdentitiesOnly maybe\n", `:1: identitiesonly "maybe" is not yes or no`},
		{"two values", "Port 1 2\n", ":1: port has more than one value: 1 2"},
		{"bad time", "ConnectTimeout soon\n", `:1: time "soon" is not like 90, 10s or 1m30s`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, home, err := resolver(t, c.config, Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.Resolve(inventory.Host{Name: "tm1"})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("err = %v, want an *Error", err)
			}
			if got := strings.TrimPrefix(e.Reason, home+"/.ssh/test_config"); e.Phase != PhaseConfig || got != c.want {
				t.Errorf("phase %s, reason %q, want config, %q", e.Phase, got, c.want)
			}
		})
	}
}

func TestAFileThatSSHRefusesIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, config, want string }{
		{"open quote", "Host a\nUser \"x\n", ":2: a quote is not closed"},
		{"no value", "\nPort\n", ":2: port has no value"},
		{"includes itself", "Include test_config\n", ":1: more than 16 nested includes; does a file include itself?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, home, err := resolver(t, c.config, Options{})
			if err == nil || strings.TrimPrefix(err.Error(), home+"/.ssh/test_config") != c.want {
				t.Errorf("err = %v, want FILE%s", err, c.want)
			}
		})
	}
	if _, err := NewResolver(Options{ConfigFile: filepath.Join(t.TempDir(), "none-such")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing -F file: %v, want that it does not exist", err)
	}
}

// need gives the path of a program, or skips; in CI nothing may be skipped.
func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing, and in CI nothing is skipped", program)
	}
	t.Skipf("%s is missing", program)
	return ""
}

// What ssh -G says about a host is what Resolve says.
func TestResolveAgreesWithSSH(t *testing.T) {
	t.Parallel()
	ssh := need(t, "ssh")
	archive, err := os.ReadFile("testdata/ssh_config.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse(archive).Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			hosts, config, _ := strings.Cut(string(f.Data), "\n")
			for _, name := range strings.Fields(strings.TrimPrefix(hosts, "# hosts:")) {
				compareWithSSH(t, ssh, config, name)
			}
		})
	}
}

func compareWithSSH(t *testing.T, ssh, config, name string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	r, home, err := resolver(t, config, Options{User: me.Username})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Resolve(inventory.Host{Name: name})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	cmd := exec.Command(ssh, "-G", "-F", filepath.Join(home, ".ssh", "test_config"), "--", name)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh -G %s: %v", name, err)
	}
	said := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		said[k] = append(said[k], v)
	}
	l := lookup{r: r, host: inventory.Host{Name: name}}
	tok := l.tokens(&got)
	expand := func(files []string) (out []string) {
		for _, f := range files {
			if f == "none" {
				continue
			}
			p, err := tok.path(place{}, f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p)
		}
		return out
	}
	want := Settings{Name: name, Address: said["hostname"][0], User: said["user"][0]}
	want.KnownHosts = expand(strings.Fields(strings.Join(append(said["userknownhostsfile"], said["globalknownhostsfile"]...), " ")))
	for i, f := range want.KnownHosts { // ssh knows the home from passwd, whatever HOME is
		want.KnownHosts[i] = strings.Replace(f, me.HomeDir+"/", home+"/", 1)
	}
	if !got.DefaultIdentities {
		want.IdentityFiles = expand(said["identityfile"])
	}
	if len(said["hostkeyalias"]) > 0 {
		want.HostKeyAlias = said["hostkeyalias"][0]
	}
	cut := Settings{Name: got.Name, Address: got.Address, User: got.User, KnownHosts: got.KnownHosts, HostKeyAlias: got.HostKeyAlias}
	if !got.DefaultIdentities {
		cut.IdentityFiles = got.IdentityFiles
	}
	if diff := cmp.Diff(want, cut, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-ssh +ours):\n%s", name, diff)
	}
	if port := said["port"][0]; port != strings.TrimPrefix(got.HostPort()[strings.LastIndexByte(got.HostPort(), ':'):], ":") {
		t.Errorf("%s: port %d, ssh says %s", name, got.Port, port)
	}
	last := ""
	if j := said["proxyjump"]; len(j) > 0 && j[0] != "none" {
		words := strings.Split(j[0], ",")
		hop, err := parseJump(words[len(words)-1])
		if err != nil {
			t.Fatal(err)
		}
		last = hop.Name
	}
	ours := ""
	if n := len(got.Jumps); n > 0 {
		ours = got.Jumps[n-1].Name
	}
	if ours != last {
		t.Errorf("%s: last jump host %q, ssh says %q", name, ours, last)
	}
}

// TestFIFOWithoutAWriterIsNotWaitedFor: a run must not hang on a file of its
// own.
func TestFIFOWithoutAWriterIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	if out, err := exec.Command("mkfifo", path).CombinedOutput(); err != nil {
		t.Skipf("needs mkfifo: %v %s", err, out)
	}
	done := make(chan error, 1)
	go func() {
		_, err := readBounded(path, 100)
		done <- err
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("still waiting for somebody to write")
	}
}
