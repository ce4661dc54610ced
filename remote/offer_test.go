package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// operator answers questions, and keeps what he was asked.
type operator struct {
	mu      sync.Mutex
	asked   []Question
	answers map[string]string // by Text
	err     error
	slow    time.Duration
}

func (o *operator) ask(q Question) ([]byte, error) {
	time.Sleep(o.slow)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, q)
	return []byte(o.answers[q.Text]), o.err
}

var errDenied = errors.New("denied")

// noKeys has a server take passwords only.
func noKeys(c *ssh.ServerConfig) { c.PublicKeyCallback = nil }

// takesPassword has a server take a password, and count those that are sent.
func takesPassword(want string, sent *atomic.Int32) func(*ssh.ServerConfig) {
	return func(c *ssh.ServerConfig) {
		noKeys(c)
		c.PasswordCallback = func(_ ssh.ConnMetadata, got []byte) (*ssh.Permissions, error) {
			sent.Add(1)
			if string(got) != want {
				return nil, errDenied
			}
			return nil, nil
		}
	}
}

// round is one round of questions, and the answers that are right.
type round struct{ prompt, echo, want string }

// asks has a server ask round after round, the last for ever if endless.
func asks(endless bool, rounds ...[]round) func(*ssh.ServerConfig) {
	return func(c *ssh.ServerConfig) {
		noKeys(c)
		c.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for i := 0; i < len(rounds) || endless; i++ {
				var prompts []string
				var echos []bool
				these := rounds[min(i, len(rounds)-1)]
				for _, r := range these {
					prompts, echos = append(prompts, r.prompt), append(echos, r.echo != "")
				}
				answers, err := ask("", "", prompts, echos)
				if err != nil {
					return nil, err
				}
				for i, r := range these {
					if answers[i] != r.want {
						return nil, errDenied
					}
				}
			}
			return nil, nil
		}
	}
}

// twoSteps has a server take the site's key, and then what second allows.
func twoSteps(second func(*ssh.ServerConfig)) func(*ssh.ServerConfig) {
	return func(c *ssh.ServerConfig) {
		key := c.PublicKeyCallback
		var then ssh.ServerConfig
		second(&then)
		c.PublicKeyCallback = func(meta ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if _, err := key(meta, k); err != nil {
				return nil, err
			}
			return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{
				PasswordCallback: then.PasswordCallback, KeyboardInteractiveCallback: then.KeyboardInteractiveCallback,
			}}
		}
	}
}

func TestWaysToLogInBeyondAKey(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	const secret = "right"
	answers := map[string]string{"": secret, "Verification code:": "123456", "Favourite colour?": "blue"}
	password := []round{{"Password: ", "", secret}}
	for _, c := range []struct {
		name      string
		configure func(*ssh.ServerConfig)
		methods   []string
		answers   map[string]string
		err       error
		asked     string
		reason    string // "" for none
		hint      string
	}{
		{"password", takesPassword(secret, &sent), nil, answers, nil, "[]", "", ""},
		{"questions", asks(false, password), nil, answers, nil, "[]", "", ""},
		{"questions in German", asks(false, []round{{"Passwort für operator: ", "", secret}}), nil, answers, nil, "[]", "", ""},
		{"a round without questions", asks(false, password, nil), nil, answers, nil, "[]", "", ""},
		{"no questions at all", asks(false, nil), nil, nil, nil, "", "", ""},
		{"a code after the password", asks(false, password, []round{{"Verification code: ", "", "123456"}}), nil, answers, nil, "[][Verification code:]", "", ""},
		{"a code alone", asks(false, []round{{"Verification code: ", "", "123456"}}), nil, answers, nil, "[Verification code:]", "", ""},
		{"a question that is shown", asks(false, []round{{"Favourite colour?", "echo", "blue"}}), nil, answers, nil, "[Favourite colour? echo]", "", ""},
		{"a key and a password", twoSteps(takesPassword(secret, &sent)), nil, answers, nil, "[]", "", ""},
		{"a key and a code", twoSteps(asks(false, []round{{"Verification code: ", "", "123456"}})), nil, answers, nil, "[Verification code:]", "", ""},
		{"ssh_config allows no password", takesPassword(secret, &sent), []string{methodKey}, answers, nil, "", "server takes no keys, only password", "PubkeyAuthentication yes"},
		{"ssh_config allows no key", func(*ssh.ServerConfig) {}, []string{methodPassword}, answers, nil, "", "ssh_config allows no keys for this host, only password", "PreferredAuthentications"},
		{"questions before passwords", func(c *ssh.ServerConfig) {
			asks(false, password)(c)
			c.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { t.Error("a password"); return nil, errDenied }
		}, nil, answers, nil, "[]", "", ""},
		{"a wrong password, and no second way for it", func(c *ssh.ServerConfig) {
			asks(false, []round{{"Password: ", "", "another"}})(c)
			c.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
				t.Error("the password is sent again")
				return nil, errDenied
			}
		}, nil, answers, nil, "[]", "server refused the password as operator; the password is tried on no other host", "faillock --user operator"},
		{"asked again in one conversation", asks(false, []round{{"Password: ", "", secret}}, []round{{"Password: ", "", secret}}), nil, answers, nil, "[]",
			"server refused the password", "faillock"},
		{"an expired password", asks(false, password, []round{{"New password: ", "", secret}}), nil, answers, nil, "[]", `has expired: the server asks "New password:"`, "change it"},
		{"a wrong answer", asks(false, []round{{"Favourite colour?", "echo", "red"}}), nil, answers, nil, "[Favourite colour? echo]", "server refused the answers as operator", "answer anew"},
		{"questions without end", asks(true, []round{{"Favourite colour?", "echo", "blue"}}), nil, answers, nil, strings.Repeat("[Favourite colour? echo]", maxRounds), "asks without end", "no well-behaved"},
		{"a question of 5 kB", asks(false, []round{{strings.Repeat("colour ", 800), "echo", ""}}), nil, answers, nil, "", "asks without end", "no well-behaved"},
		{"a hostile question", asks(false, []round{{"\x1b[2J\rsudo password for root:", "echo", ""}}), nil, map[string]string{}, nil, `[\u001b[2J sudo password for root: echo]`, "", ""},
		{"nobody answers", takesPassword(secret, &sent), nil, answers, errors.New("the terminal is gone"), "[]", "the server wants the password of operator: the terminal is gone", "on a terminal"},
		{"nothing is typed", takesPassword(secret, &sent), nil, map[string]string{}, nil, "[]", "the server wants the password of operator: none was given", "on a terminal"},
		{"nobody answers a question", asks(false, []round{{"Favourite colour?", "echo", "blue"}}), nil, answers, errors.New("the terminal is gone"), "[Favourite colour? echo]",
			`the server asks "Favourite colour?": the terminal is gone`, "on a terminal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			o := &operator{answers: c.answers, err: c.err}
			s.opts.AskLogin = o.ask
			h, _ := s.host(demo.Host{Configure: c.configure})
			n := s.native()
			settings, err := n.Resolve(h)
			if err != nil {
				t.Fatal(err)
			}
			settings.Methods = c.methods
			keys := n.keys.keysFor(t.Context(), &settings)
			keys.respondent = n.logins.respondent(&settings, false)
			conn, err := n.login(t.Context(), &settings, keys)
			if err == nil {
				conn.close()
			}
			var asked strings.Builder
			for _, q := range o.asked {
				echo := ""
				if q.Echo {
					echo = " echo"
				}
				fmt.Fprintf(&asked, "[%s%s]", q.Text, echo)
				if q.Host != "127.0.0.1" || q.User != "operator" || q.Jump {
					t.Errorf("asked %+v", q)
				}
			}
			if asked.String() != c.asked {
				t.Errorf("asked %q, want %q", asked.String(), c.asked)
			}
			if c.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := asError(t, err)
			t.Logf("%v (hint: %s)", e, e.Hint)
			if e.Phase != PhaseAuth {
				t.Errorf("phase %s, want auth", e.Phase)
			}
			contains(t, "reason", e.Reason, c.reason)
			contains(t, "hint", e.Hint, c.hint)
		})
	}
}

// Without somebody to ask, nothing but keys is tried.
func TestNobodyToAskMeansKeysAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, reason string
		configure    func(*ssh.ServerConfig)
	}{
		{"password", "server takes no keys, only password", takesPassword("", new(atomic.Int32))},
		{"questions", "server takes no keys, only keyboard-interactive", asks(false, nil)},
		{"both", "key accepted as operator, but the server wants password too", twoSteps(takesPassword("", new(atomic.Int32)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			h, _ := s.host(demo.Host{Configure: c.configure})
			e := failure(t, s.native().Run(t.Context(), h, script("")))
			contains(t, "reason", e.Reason, c.reason)
			contains(t, "hint", e.Hint, "run it on a terminal")
		})
	}
}

// A wrong password is one attempt on one host, a right one is asked for once.
func TestAPasswordIsAskedForOnce(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"right", "wrong"} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			o := &operator{answers: map[string]string{"": typed}}
			s.opts.AskLogin = o.ask
			var sent, in atomic.Int32
			var hosts []inventory.Host
			for range 12 {
				h, _ := s.host(demo.Host{Configure: takesPassword("right", &sent)})
				hosts = append(hosts, h)
			}
			for res := range (&Runner{Transport: s.native()}).Run(t.Context(), hosts, script("")) {
				if res.Err == nil {
					in.Add(1)
				} else if e := failure(t, res); !strings.Contains(e.Reason, "tried on no other host") {
					t.Errorf("%v", e)
				}
			}
			want := map[string]int32{"right": 12, "wrong": 0}[typed]
			if len(o.asked) != 1 || sent.Load() != max(want, 1) || in.Load() != want {
				t.Errorf("asked %d times, sent %d times, %d logged in; want 1, %d, %d", len(o.asked), sent.Load(), in.Load(), max(want, 1), want)
			}
		})
	}
}

// However long a person takes: no deadline of a host runs meanwhile, nor of
// those behind a jump host that asks. A jump host has a password of its own.
func TestDeadlinesStandStillWhileAPersonIsAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	o := &operator{answers: map[string]string{"": "right", "Verification code:": "1"}, slow: 4 * time.Second}
	s.opts.AskLogin = o.ask
	s.opts.Limits = Limits{Connect: 3 * time.Second, Handshake: 3 * time.Second, Host: 3500 * time.Millisecond}
	var sent atomic.Int32
	jump, _ := s.host(demo.Host{Configure: asks(false, []round{{"Password: ", "", "right"}}, []round{{"Verification code: ", "", "1"}})})
	var hosts []inventory.Host
	for range 5 {
		h, _ := s.host(demo.Host{Configure: takesPassword("right", &sent)})
		h.Jump = fmt.Sprintf("127.0.0.1:%d", jump.Port)
		hosts = append(hosts, h)
	}
	for res := range (&Runner{Transport: s.native()}).Run(t.Context(), hosts, script("")) {
		if res.Err != nil {
			t.Error(res.Err)
		}
	}
	if len(o.asked) != 3 || !o.asked[0].Jump || !o.asked[1].Jump || o.asked[2].Jump {
		t.Errorf("asked %+v, want twice for the jump host and once for the hosts", o.asked)
	}
}

// A run that is ended while a person is asked ends.
func TestAQuestionDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	asked, never := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(never) })
	s.opts.AskLogin = func(Question) ([]byte, error) { close(asked); <-never; return nil, errDenied }
	h, _ := s.host(demo.Host{Configure: takesPassword("", new(atomic.Int32))})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if e := failure(t, s.native().Run(ctx, h, script(""))); e.Phase != PhaseDeadline {
		t.Errorf("%v, want phase deadline", e)
	}
}

// A server that does not wait for the answer is connected to again: nothing
// was sent to it.
func TestAServerThatDoesNotWaitIsConnectedToAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gone := make(chan struct{})
	s.opts.AskLogin = func(Question) ([]byte, error) {
		<-gone
		time.Sleep(100 * time.Millisecond)
		return []byte("right"), nil
	}
	var sent, connections atomic.Int32
	h, server := s.host(demo.Host{Configure: func(c *ssh.ServerConfig) {
		takesPassword("right", &sent)(c)
		c.NoClientAuth = true
		c.NoClientAuthCallback = func(m ssh.ConnMetadata) (*ssh.Permissions, error) {
			if connections.Add(1) == 1 {
				time.AfterFunc(200*time.Millisecond, func() { m.(interface{ Close() error }).Close(); close(gone) })
			}
			return nil, errDenied
		}
	}})
	res := s.native().Run(t.Context(), h, script(""))
	if res.Err != nil || sent.Load() != 1 || server.Stats().Connections != 2 {
		t.Errorf("%v, sent %d times on %d connections, want once on 2", res.Err, sent.Load(), server.Stats().Connections)
	}
}
