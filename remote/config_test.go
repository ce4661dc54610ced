package remote

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
		writeFile(t, filepath.Join(home, ".ssh", f.Name), strings.ReplaceAll(string(f.Data), "HOME", home))
	}
	opts.ConfigFile, opts.Home = path, home
	if opts.User == "" {
		opts.User = "me"
	}
	opts.Env = func(k string) string { return testEnv[k] }
	r, err := NewResolver(opts)
	return r, home, err
}

var testEnv = map[string]string{"FLEET": "blue", "PERCENT": "%h", "TILDE": "~", "SSH_AUTH_SOCK": "/run/agent"}

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
		{"what is skipped of Red Hat's default", "Match final all\nCiphers a\nGSSAPIAuthentication yes\nHost *\nPort 3\n", inventory.Host{}, func(s *Settings) {
			s.Port = 3
			s.Warnings = []string{"CONFIG:2: ciphers not honoured, tmdoctor's own algorithms are used"}
		}},
		{"exec that sets nothing but algorithms", "Match exec \"false\"\nCiphers a\nKexAlgorithms b\nForwardAgent yes\n", inventory.Host{}, func(s *Settings) {
			s.Warnings = []string{"CONFIG:1: Match exec false skipped: it has nothing but algorithms, and tmdoctor's own are used"}
		}},
		{"exec that sets what is set already", "Host tm1\nPort 5\nMatch exec \"false\"\nPort 6\nUser x\n", inventory.Host{User: "me"}, func(s *Settings) { s.Port = 5 }},
		{"Match all", "Match all\nPort 5\n", inventory.Host{}, func(s *Settings) { s.Port = 5 }},
		{"a Match for another host", "Match host other,x* user root\nProxyCommand nc\nMatch originalhost b exec \"true\"\nPort 1\n", inventory.Host{}, func(s *Settings) {}},
		{"refused where it holds and only there", "Host tm2\nProxyCommand nc %h\nCanonicalizeHostname yes\n", inventory.Host{}, func(s *Settings) {}},
		{"none and no are no refusal", "ProxyCommand none\nCanonicalizeHostname no\nRevokedHostKeys none\nControlPath /x\nProxyUseFdpass yes\n", inventory.Host{}, func(s *Settings) {}},
		{"ProxyCommand with its tokens", "ProxyCommand = nc -x '%r@%n' %h %p %% %k # x\nHostName db\nHostKeyAlias a", inventory.Host{}, func(s *Settings) {
			s.Address, s.HostKeyAlias, s.ProxyCommand = "db", "a", "nc -x 'me@tm1' db 22 % a # x"
		}},
		{"ProxyJump none below a ProxyCommand leaves it alone", "ProxyCommand nc %h\nProxyJump none\n", inventory.Host{}, func(s *Settings) { s.ProxyCommand = "nc tm1" }},
		{"ProxyJump before ProxyCommand wins", "ProxyJump none\nProxyCommand none\nProxyJump gate\nProxyCommand nc\n", inventory.Host{}, func(s *Settings) {}},
		{"ProxyCommand none keeps a ProxyJump from counting", "ProxyCommand none\nProxyJump gate\n", inventory.Host{}, func(s *Settings) {}},
		{"a jump of the inventory wins", "ProxyCommand nc %h\n", inventory.Host{Jump: "none"}, func(s *Settings) {}},
		{"certificates add up", "CertificateFile ~/a-%r\nHost *\nCertificateFile ~root/b\nCertificateFile ~/a-%r\n", inventory.Host{}, func(s *Settings) {
			s.CertificateFiles = []string{"~/a-me", "/root/b"}
		}},
		{"revoked keys", "RevokedHostKeys ~/r-%h /${FLEET}\n", inventory.Host{}, func(s *Settings) { s.RevokedHostKeys = []string{"~/r-tm1", "/blue"} }},
		{"tokens are not expanded twice", "IdentityFile /${PERCENT}/%%h\nIdentityFile ${TILDE}/x\n", inventory.Host{}, func(s *Settings) {
			s.IdentityFiles, s.DefaultIdentities = []string{"/%h/%h", "~/x"}, false
		}},
		{"global known_hosts have no tokens", "UserKnownHostsFile none\nGlobalKnownHostsFile ~/%h${X}\n", inventory.Host{}, func(s *Settings) { s.KnownHosts = []string{"~/%h${X}"} }},
		{"methods in their order", "PreferredAuthentications gssapi-with-mic,password,publickey\n", inventory.Host{}, func(s *Settings) { s.Methods = []string{"password", "publickey"} }},
		{"methods that are off, by an old name too", "ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n", inventory.Host{}, func(s *Settings) { s.Methods = []string{"publickey"} }},
		{"methods of keys alone", "BatchMode yes\nPubkeyAuthentication unbound\n", inventory.Host{}, func(s *Settings) { s.Methods = []string{"publickey"} }},
		{"methods that are said and are the default", "PubkeyAuthentication yes\nPasswordAuthentication yes\nBatchMode no\n", inventory.Host{}, func(s *Settings) {}},
		{"IgnoreUnknown", "IgnoreUnknown Foo*\nFooBar baz\n", inventory.Host{}, func(s *Settings) {}},
		{"Match of many kinds", "Tag fleet\nMatch originalhost TM? user me localuser=me tagged f* !host db sessiontype exec !command \"\" localnetwork 127.0.0.0/8,::1\nPort 7\n", inventory.Host{}, func(s *Settings) { s.Port = 7 }},
		{"Match that does not hold", "Match localnetwork 203.0.113.0/24\nPort 1\nMatch tagged x\nPort 2\nMatch !localuser *\nPort 3\nMatch sessiontype shell\nPort 4\nMatch command \"\"\nPort 5\nMatch exec x user root\nPort 6\nMatch version x host y\nPort 7\n", inventory.Host{}, func(s *Settings) {}},
		{"Match sees the inventory's", "Match user ops host 10.*\nPort 9\n", inventory.Host{User: "ops", Address: "10.1.1.1"}, func(s *Settings) { s.User, s.Address, s.Port = "ops", "10.1.1.1", 9 }},
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
			for _, list := range [][]string{got.IdentityFiles, got.CertificateFiles, got.RevokedHostKeys, got.KnownHosts, got.Warnings, {got.IdentityAgent}} {
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

// The hash of a connection has the jump host in it, and that is its name alone.
func TestConnectionHash(t *testing.T) {
	t.Parallel()
	local, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, config, jump, hashed string }{
		{"no jump host", "UserKnownHostsFile /%C-%j\n", "", "db22me"},
		{"the last of two", "Host tm1\nProxyJump a,ops@gate:2222\nUserKnownHostsFile /%C-%j\n", "gate", "db22megate"},
		{"none", "ProxyJump none\nUserKnownHostsFile /%C-%j\n", "", "db22me"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, _, err := resolver(t, c.config+"GlobalKnownHostsFile none\nHost gate\nPort 23\n", Options{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := r.Resolve(inventory.Host{Name: "tm1", Address: "db"})
			if want := fmt.Sprintf("/%x-%s", sha1.Sum([]byte(local+c.hashed)), c.jump); err != nil || len(s.KnownHosts) != 1 || s.KnownHosts[0] != want {
				t.Errorf("%v, %v; want %s", s.KnownHosts, err, want)
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
		{"ProxyUseFdpass", "ProxyCommand nc %h\nProxyUseFdpass yes\n", ":2: proxyusefdpass yes is not supported"},
		{"ProxyCommand below ProxyJump none", "ProxyJump none\nProxyCommand nc %h\n", ":2: proxycommand below proxyjump none: ssh of some versions uses it, of others not"},
		{"ProxyCommand -", "ProxyCommand -\n", ":1: proxycommand - would take standard input for the host"},
		{"ProxyCommand and a shell's words", "User a;b\nProxyCommand nc %h\n", `:2: proxycommand would be given "tm1", "tm1" and "a;b": characters that mean something to a shell are not allowed there`},
		{"ProxyCommand with a token of files", "ProxyCommand nc %u\n", ":1: token %u is not supported here"},
		{"ProxyJump and a shell's words", "ProxyJump x%h;y\n", `:1: jump host "xtm1;y" has characters that ssh does not allow`},
		{"Match exec", "\nMatch exec \"true\"\nHostName x\n", `:2: Match exec true is not supported and could apply (it sets hostname)`},
		{"Match version", "Match version OpenSSH_1*\nUser x\n", ":1: Match version OpenSSH_1* is not supported and could apply (it sets user)"},
		{"Match of quotes that versions read differently", "Match host 'x'\nUser x\nMatch user 'me'\nUser x\n", ":3: Match user me is not supported and could apply (it sets user)"},
		{"Match with a lone =", "Match user =me\nUser x\n", ":1: Match user =me is not supported and could apply (it sets user)"},
		{"Match of the future", "Match moon full\nTag x\n", ":1: Match moon full is not supported and could apply (it sets tag)"},
		{"a block in a Match by Include", "Match exec x\nInclude more\n-- more --\nHost *\nPort 1\n", ":1: Match exec x is not supported and could apply (it sets port)"},
		{"Match !final that counts", "HostName db\nMatch !final\nUser x\nHost db\nPort 5\n", ":2: Match !final: versions of ssh before 10.1 read the files again for it, and find more"},
		{"Include by host", "Host tm1\nInclude c/%h\n", ":2: include c/%h is not supported"},
		{"User with tokens", "User %u\n", ":1: user %u: ssh expands tokens here since version 10, and did not before"},
		{"short address", "HostName 127.1\n", ":1: 127.1 is a short form of an IP address"},
		{"token of KnownHostsCommand", "IdentityFile %K\n", ":1: token %K is only for KnownHostsCommand"},
		{"no such user", "IdentityFile ~nobody-here/x\n", ":1: ~nobody-here: no home directory of nobody-here is known here"},
		{"no method left", "PasswordAuthentication no\nPreferredAuthentications password,hostbased\n", ":2: no way to log in is left by preferredauthentications password,hostbased, passwordauthentication no: tmdoctor has publickey, keyboard-interactive and password"},
		{"IgnoreUnknown too late", "Foo x\nIgnoreUnknown Foo\n", ":1: unknown directive foo"},
		{"CanonicalizeHostname", "CanonicalizeHostname always\n", ":1: canonicalizehostname always is not supported"},
		{"BindInterface", "BindInterface eth1\n", ":1: bindinterface eth1 is not supported"},
		{"unknown directive", "Porrt 3\n", ":1: unknown directive porrt"},
		{"a form feed", "\fPort 3\n", ":1: unknown directive _port"},
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
		{"NUL", "Host a\n#\x00\n", ":2: a NUL byte is in the line"},
		{"no value", "\nPort\n", ":2: port has no value"},
		{"open quote for a shell", "ProxyCommand nc \"x\n", ":1: a quote is not closed"},
		{"ProxyJump none and a comment", "ProxyJump none # c\n", ":1: proxyjump none takes neither quotes nor a comment"},
		{"Match without criteria", "Match host\n", ":1: match host has no value"},
		{"Match with a lone = that ssh 10 refuses", "Match host = tm1\n", ":1: match tm1 has no value"},
		{"Match all and more", "Match all host x\n", ":1: match all cannot be combined with other criteria"},
		{"Match localnetwork", "Match localnetwork 10.0.0.1/8\n", `:1: match localnetwork: "10.0.0.1/8" is not a network like 10.0.0.0/8`},
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
