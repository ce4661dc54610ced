package remote

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var configs = flag.Uint64("configs", 30, "how many generated ssh configurations are compared with ssh -G")

// Included files hold where the block around the Include holds, as ssh says.
func TestIncludesAgreeWithSSH(t *testing.T) {
	t.Parallel()
	need(t, "ssh")
	config := `Host tm2
	Include HOME/.ssh/two
Host tm1 tm3
	Include HOME/.ssh/one* HOME/.ssh/none-such HOME/.ssh/[!a-e]our
	User late
Include HOME/.ssh/*three ${FLEET}/x
	Port 9
-- one --
HostKeyAlias early
Host tm3
	Port 7
	User third
Host tm?
	Port 8
-- one-more --
IdentityFile /one/more
-- .hidden-three --
IdentityFile /hidden
-- four --
CertificateFile /four
-- two --
Host *
	Port 6
	User six
-- three --
Host tm3
	IdentityFile /three
Match all
	UserKnownHostsFile /kh
`
	for _, name := range []string{"tm1", "tm2", "tm3", "tm4"} {
		if refused := compareWithSSH(t, config, name); refused != "" {
			t.Errorf("%s: %s", name, refused)
		}
	}
}

// Random configurations are read as ssh reads them, or refused by name. More of
// them: go test ./remote -run Generated -args -configs 5000
func TestGeneratedConfigurationsAgreeWithSSH(t *testing.T) {
	t.Parallel()
	need(t, "ssh")
	program, e := findSSH()
	if e != nil {
		t.Fatal(e)
	}
	refused, asked := 0, 0
	for seed := range *configs {
		g := configGenerator{Rand: rand.New(rand.NewPCG(seed, 2)), tags: program.since(9, 4), pool: directivePool}
		if program.since(10, 1) {
			g.pool = slices.Concat(g.pool, []string{"RevokedHostKeys ~/%h-%p", "UserKnownHostsFile ~/%j-%C /x", "Tag t1", "Tag t2"})
		}
		config := g.archive()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			for _, name := range []string{"a", "b.example", "10.0.0.1", "::1"} {
				asked++
				if compareWithSSH(t, config, name) != "" {
					refused++
				}
			}
			if t.Failed() {
				t.Logf("configuration:\n%s", config)
			}
		})
	}
	if refused > asked/2 {
		t.Errorf("%d of %d are refused: little is compared", refused, asked)
	}
}

// configGenerator writes configurations that ssh takes.
type configGenerator struct {
	*rand.Rand
	tags  bool // ssh knows Match tagged and what came with it
	pool  []string
	files []string
}

func (g *configGenerator) pick(words ...string) string { return words[g.IntN(len(words))] }

// archive is a configuration, and after it the files that it includes.
func (g *configGenerator) archive() string {
	text := g.lines(1+g.IntN(14), 0)
	for i, f := range g.files {
		text += fmt.Sprintf("-- inc%d --\n%s", i, f)
	}
	return text
}

func (g *configGenerator) lines(n, depth int) string {
	var b strings.Builder
	for range n {
		switch k := g.IntN(10); {
		case k == 0:
			fmt.Fprintf(&b, "%s%s", g.pick("Host", "host", "HOST"), g.pick(" ", "\t", "=", " = "))
			for range 1 + g.IntN(3) {
				b.WriteString(g.pick("a", "a*", "?b", "*", "!a", "!*.example", `"a"`, "b.example", "10.*", "A", "h1.example", "::1") + g.pick(" ", "\t", "  "))
			}
			b.WriteString(g.pick("", "# comment"))
		case k <= 2:
			b.WriteString(g.match())
		case k == 3 && depth < 2:
			g.files = append(g.files, "") // its number is taken before those that it includes
			i := len(g.files) - 1
			fmt.Fprintf(&b, "Include HOME/.ssh/inc%d", i)
			g.files[i] = g.lines(1+g.IntN(5), depth+1)
		case k == 4:
			b.WriteString(g.pick("# Port 1", "", "   "))
		default:
			b.WriteString(g.pick("", "  ", "\t") + g.pick(g.pool...) + g.pick("", " ", "\t"))
		}
		b.WriteString(g.pick("\n", "\n", "\r\n"))
	}
	return b.String()
}

// match is a Match line of criteria, each perhaps negated.
func (g *configGenerator) match() string {
	line := g.pick("Match", "match", "MATCH")
	if g.IntN(6) == 0 {
		return line + g.pick(" all", " !all", " final all", " !final all", " originalhost a* all")
	}
	pool := []string{
		"host a*", "host *.example,ab", "host=10.*", `host "!a,*"`, "host h1.example", "Host *B*", "originalhost a", "originalhost=b.*,!b.x", "user u1", "user=u*,root", `user "u 2"`,
		"localuser root", "localuser *", "final", "canonical", `exec "true"`, `exec="false"`,
	}
	if g.tags {
		pool = append(pool, "tagged t1", "tagged=t*", `tagged ""`, "localnetwork 127.0.0.0/8", "localnetwork 203.0.113.0/24")
	}
	for range 1 + g.IntN(3) {
		line += " " + g.pick("", "", "!") + g.pick(pool...)
	}
	return line + g.pick("", " # c")
}

// directivePool are lines of what is resolved.
var directivePool = []string{
	"Port 1001", "Port=1002", "port \"1003\" # c", "User u1", "User 'u 2'", "USER u3", "User %u",
	"HostName h1.Example", "HostName %h.example", "HostName x%%y", "HostName 10.0.0.1", "HostName 0:0::1", "HostName ab", "HostName=B",
	"IdentityFile ~/k1", "IdentityFile \"/k 2\"", "IdentityFile /k/%h-%r-%p", "IdentityFile /k#3", "IdentityFile %d/%u/%i/%k", "IdentityFile ~root/k", "IdentityFile none",
	"CertificateFile ~/c1", "CertificateFile \"/c 2\" # c", "CertificateFile /c/%n/${FLEET}", "CertificateFile ~/c1",
	`IdentityFile "/k\"4"`, `IdentityFile /k\ 5`, `IdentityFile '/k\\6\7'`, `IdentityFile /k"8 9"#a`, `CertificateFile "~/c#3"`, "Port 1005\f",
	"HostKeyAlias Al", "HostKeyAlias al2", `HostKeyAlias 'q"x'`,
	"UserKnownHostsFile ~/kh1 /kh2", "UserKnownHostsFile ~/%C /%L-%l/%u", "UserKnownHostsFile ${FLEET}/${PERCENT}/%k", "UserKnownHostsFile none", "UserKnownHostsFile %d/%n%%/%i", "UserKnownHostsFile ~daemon/%h:%p",
	"GlobalKnownHostsFile /g", "GlobalKnownHostsFile ~/%h /g2", "RevokedHostKeys /r", "RevokedHostKeys none",
	"ProxyJump j1", "ProxyJump u@j2:22,j3", "ProxyJump none", "ProxyJump ssh://v@j4:23", "Host a*\nProxyJump g-%n", "proxyjump=j5 # c",
	"ProxyCommand nc %h %p", "ProxyCommand=none", "ProxyCommand nc '%r' \"%n\" %% # c", "ProxyCommand = ssh -W [%h]:%p g", "ProxyUseFdpass no",
	"IdentityAgent none", "IdentityAgent ~/%h-%C.sock", "IdentityAgent $FLEET", "IdentityAgent SSH_AUTH_SOCK", "IdentityAgent ${FLEET}/%%",
	"PubkeyAuthentication yes", "PubkeyAuthentication no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "ChallengeResponseAuthentication yes",
	"PreferredAuthentications publickey,hostbased", "PreferredAuthentications password,publickey,keyboard-interactive", "BatchMode yes",
	"StrictHostKeyChecking accept-new", "StrictHostKeyChecking no", "StrictHostKeyChecking ask", "HashKnownHosts yes", "IdentitiesOnly yes", "IdentitiesOnly=no",
	"ConnectTimeout 1m", "ConnectTimeout 7", "AddressFamily inet6", "AddressFamily any", "BindAddress 127.0.0.1", "ForwardAgent yes", "ServerAliveInterval 5",
}
