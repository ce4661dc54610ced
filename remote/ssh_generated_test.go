package remote

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Included files hold where the block around the Include holds, as ssh says.
func TestIncludesAgreeWithSSH(t *testing.T) {
	t.Parallel()
	ssh := need(t, "ssh")
	config := `Host tm2
	Include HOME/.ssh/two
Host tm1 tm3
	Include HOME/.ssh/one* HOME/.ssh/none-such
	User late
Include HOME/.ssh/three
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
Include three
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
		// A relative Include is below the real home for ssh.
		compareWithSSH(t, ssh, strings.Replace(config, "Include three\n", "", 1), name)
	}
}

// Random configurations of what is supported are read as ssh reads them.
func TestGeneratedConfigurationsAgreeWithSSH(t *testing.T) {
	t.Parallel()
	ssh := need(t, "ssh")
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 1))
		config := generateConfig(r)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			for _, name := range []string{"a", "ab", "b.example", "10.0.0.1"} {
				compareWithSSH(t, ssh, config, name)
			}
			if t.Failed() {
				t.Logf("configuration:\n%s", config)
			}
		})
	}
}

func generateConfig(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	var b strings.Builder
	for range 1 + r.IntN(12) {
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "%s%s", pick("Host", "host", "HOST"), pick(" ", "\t", "=", " = "))
			for range 1 + r.IntN(3) {
				fmt.Fprintf(&b, "%s%s", pick("a", "a*", "?b", "*", "!a", "!*.example", `"a"`, "b.example", "10.*", "A"), pick(" ", "\t", "  "))
			}
			b.WriteString(pick("", "# comment"))
		case 1:
			b.WriteString(pick("# Port 1", "", "   ", "Match all"))
		default:
			fmt.Fprintf(&b, "%s%s%s%s", pick("", "  ", "\t"), pick(
				"Port 1001", "Port=1002", "port \"1003\"", "User u1", "User 'u 2'", "USER u3", "HostName h1.Example", "HostName %h.example", "HostName x%%y",
				"IdentityFile ~/k1", "IdentityFile \"/k 2\"", "IdentityFile /k/%h-%r-%p", "IdentityFile /k#3", "HostKeyAlias Al", "HostKeyAlias al2",
				"UserKnownHostsFile ~/kh1 /kh2", "GlobalKnownHostsFile /g", "Host ab\nProxyJump j1", "Host b.*\nProxyJump u@j2:22,j3", "ProxyJump none", "ForwardAgent yes",
				"ServerAliveInterval 5"), pick("", " ", "\t"), pick("", " # c"))
		}
		b.WriteString(pick("\n", "\n", "\r\n"))
	}
	return b.String()
}
