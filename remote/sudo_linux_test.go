package remote

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const asRoot = "id -u; echo \"root=[$root]\"; echo '== end =='\n"

// answering is an AskSudo that counts.
func answering(password string, asked *atomic.Int32) func() ([]byte, error) {
	return func() ([]byte, error) {
		asked.Add(1)
		return []byte(password), nil
	}
}

func TestSudo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.startSudoHost(t)
	const right, bad, nobody = "right", "wrong", ""
	const unasked = "something else than a password"
	for _, c := range []struct {
		user, password string
		reason, hint   string // of the error, "" for none
		failures       int
	}{
		{"root", nobody, "", "", 0},
		{"free", nobody, "", "", 0},
		{"fishfree", nobody, "", "", 0},
		{"cshfree", nobody, "", "", 0},
		{"dashfree", nobody, "", "", 0},
		{"noisyfree", nobody, "", "", 0},
		{"usepty", nobody, "", "", 0},
		{"onlysh", nobody, "", "", 0},
		{"requiretty", right, "must have a tty", "requiretty", 0},
		{"pass", nobody, "nobody to ask", "NOPASSWD", 0},
		{"pass", right, "", "", 0},
		{"fishpass", right, "", "", 0},
		{"cshpass", right, "", "", 0},
		{"dashpass", right, "", "", 0},
		{"noisypass", right, "", "", 0},
		{"lecture", right, "", "", 0},
		{"onetry", right, "", "", 0},
		{"otherpty", right, "", "", 0},
		{"passprompt", right, "", "", 0},
		{"override", right, "", "", 0},
		{"iolog", right, "", "", 0},
		{"second", right, "Password required for second", unasked, 0},
		{"other", right, "Password required for other", unasked, 0},
		{"nobodys", nobody, "nobody to ask", "NOPASSWD", 0},
		{"nobodys", right, "not in the sudoers file", "give the user a rule", 0},
		{"onlyls", right, "not allowed to execute", "give the user a rule", 0},
		{"dashpass", bad, "did not take the password", "right one", 1},
		{"onetry", bad, "did not take the password", "right one", 1},
		{"otherpty", bad, "did not take the password", "right one", 1},
	} {
		t.Run(c.user+" "+c.password, func(t *testing.T) {
			t.Parallel()
			s := *s
			s.t = t
			if c.hint == unasked { // found out by waiting
				s.opts.Limits.Script = 10 * time.Second
			}
			var asked atomic.Int32
			switch c.password {
			case right:
				s.opts.AskSudo = answering(h.password, &asked)
			case bad:
				s.opts.AskSudo = answering("Bad-"+h.password, &asked)
			}
			conn := connect(t, s.native(), h.as(c.user))
			talk, err := conn.Start(t.Context(), Program{Text: []byte(asRoot), End: "== end ==", Root: true})
			if c.reason != "" {
				e := asError(t, err)
				if e.Phase != PhaseSudo {
					t.Errorf("phase %s, want sudo", e.Phase)
				}
				t.Logf("%v (hint: %s)", e, e.Hint)
				contains(t, "reason", e.Reason, c.reason)
				contains(t, "hint", e.Hint, c.hint)
			} else {
				if err != nil {
					t.Fatalf("%v (hint: %s)", err, asError(t, err).Hint)
				}
				res := talk.Wait(t.Context())
				if res.Err != nil || string(res.Stdout) != "0\nroot=[]\n"+endMark || len(bytes.TrimSpace(res.Stderr)) != 0 {
					t.Errorf("%q, %v, stderr %q", res.Stdout, res.Err, res.Stderr)
				}
			}
			if c.password == bad {
				if n := h.failures(c.user); n != c.failures {
					t.Errorf("PAM counts %d failed attempts, want %d", n, c.failures)
				}
			}
		})
	}
	for _, user := range []string{"pass", "iolog"} {
		t.Run("the password of "+user+" is nowhere", func(t *testing.T) {
			t.Parallel()
			s := *s
			s.t = t
			s.opts.AskSudo = answering(h.password, new(atomic.Int32))
			conn := connect(t, s.native(), h.as(user))
			talk, err := conn.Start(t.Context(), Program{Text: []byte("main() { echo ask; read -r line; echo '== end =='; }\nmain\n"), End: "== end ==", Root: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := talk.Until(t.Context(), "ask"); err != nil {
				t.Fatal(err)
			}
			seen := h.inside("/bin/sh", "-c", `cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\000' '\n'; `+
				`find /var/log /var/lib/sudo /run /home /etc "$0" -xdev -type f -newer "$0/users" -exec cat {} + 2>/dev/null; true`, h.dir)
			known := []string{"SUDO_PROMPT", "COMMAND=/bin/sh -c", "Accepted publickey for " + user}
			if user == "iolog" {
				known = append(known, "main() { echo ask") // sudo keeps what its command reads
			}
			for _, k := range known {
				if !strings.Contains(seen, k) {
					t.Errorf("%q is not in what was searched", k)
				}
			}
			if strings.Contains(seen, h.password) || strings.Contains(seen, "Right-xx") {
				t.Error("the password is in a list of processes or a file")
			}
			if res := talk.Wait(t.Context()); res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
}

// A host without sudo says so.
func TestAHostWithoutSudo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.startSudoHost(t, "NOSUDO=yes")
	_, err := connect(t, s.native(), h.as("pass")).Start(t.Context(), Program{Root: true})
	e := asError(t, err)
	if e.Phase != PhaseSudo {
		t.Errorf("%v, want phase sudo", e)
	}
	contains(t, "reason", e.Reason, "has no sudo")
}
