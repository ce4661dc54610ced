package remote

import (
	"sync/atomic"
	"testing"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// loginMethods are what sshd wants of users of testdata/sudo/host.sh.
const loginMethods = `KbdInteractiveAuthentication yes
PasswordAuthentication yes
Match User pass
	AuthenticationMethods password
Match User fishpass
	AuthenticationMethods keyboard-interactive
Match User cshpass
	AuthenticationMethods publickey,password
Match User dashpass
	AuthenticationMethods publickey,keyboard-interactive
Match User onetry
	AuthenticationMethods publickey,keyboard-interactive
Match User lecture
	AuthenticationMethods keyboard-interactive
Match User otherpty
	MaxAuthTries 1
	AuthenticationMethods password
`

// A real sshd with PAM: passwords are sent where they are wanted, once, and
// PAM counts no more than that.
func TestLoginByPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.startSudoHost(t, "SSHD="+loginMethods)
	h.inside("chage", "-d", "0", "lecture")
	const right, bad, nobody = "right", "wrong", ""
	for _, c := range []struct {
		user, password string
		asked          int32
		reason, hint   string // of the error, "" for none
		failures       int
	}{
		{"free", right, 0, "", "", 0},
		{"pass", right, 1, "", "", 0},
		{"fishpass", right, 1, "", "", 0},
		{"cshpass", right, 1, "", "", 0},
		{"dashpass", right, 1, "", "", 0},
		{"lecture", right, 1, "the password of lecture has expired: the server asks", "log in by hand and change it", 0},
		{"pass", nobody, 0, "server takes no keys, only password", "run it on a terminal", 0},
		{"dashpass", nobody, 0, "key accepted as dashpass, but the server wants keyboard-interactive too", "run it on a terminal", 0},
		{"onetry", bad, 1, "and the password as onetry; the password is tried on no other host", "faillock --user onetry", 1},
		{"otherpty", bad, 1, "server refused the password as otherpty", "faillock --user otherpty", 1},
	} {
		t.Run(c.user+" "+c.password, func(t *testing.T) {
			t.Parallel()
			s := *s
			s.t = t
			var asked atomic.Int32
			if c.password != nobody {
				password := map[string]string{right: h.password, bad: "Bad-" + h.password}[c.password]
				s.opts.AskLogin = func(q Question) ([]byte, error) {
					if q.Text != "" || q.User != c.user {
						t.Errorf("asked %+v", q)
					}
					asked.Add(1)
					return []byte(password), nil
				}
			}
			n := s.native()
			hosts := []inventory.Host{h.as(c.user), h.as(c.user), h.as(c.user)}
			for res := range (&Runner{Transport: n}).Run(t.Context(), hosts, script("id -un; echo '== end =='\n")) {
				if c.reason == "" {
					if res.Err != nil || string(res.Stdout) != c.user+"\n"+endMark {
						t.Errorf("%q, %v", res.Stdout, res.Err)
					}
					continue
				}
				e := failure(t, res)
				t.Logf("%v (hint: %s)", e, e.Hint)
				if e.Phase != PhaseAuth {
					t.Errorf("phase %s, want auth", e.Phase)
				}
				if c.password != bad { // the others are told of the first
					contains(t, "reason", e.Reason, c.reason)
				}
				contains(t, "hint", e.Hint, c.hint)
			}
			if asked.Load() != c.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), c.asked)
			}
			if c.failures > 0 {
				if f := h.failures(c.user); f != c.failures {
					t.Errorf("PAM has counted %d failures, want %d", f, c.failures)
				}
			}
		})
	}
}
