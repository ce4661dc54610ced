package remote

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// talker is a host that says what a test has it say, and keeps what it hears.
type talker struct {
	ctx            context.Context
	in             *bufio.Reader
	stdout, stderr io.Writer
	nonce          string

	mu    sync.Mutex
	heard []string
}

// hear reads a line; the end of the input ends the test's host.
func (h *talker) hear() (string, bool) {
	line, err := h.in.ReadString('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	if line != "" {
		h.heard = append(h.heard, strings.TrimSuffix(line, "\n"))
	}
	return line, err == nil
}

func (h *talker) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.heard...)
}

func (h *talker) say(format string, args ...any)  { fmt.Fprintf(h.stdout, format, args...) }
func (h *talker) warn(format string, args ...any) { fmt.Fprintf(h.stderr, format, args...) }

var nonceText = regexp.MustCompile(`READY %s\\n' ([A-Z0-9]+)`)

// talking is a host that hears the first two lines, and then does as play
// has it.
func talking(s *site, play func(*talker)) (demo.Host, *talker) {
	h := &talker{}
	return demo.Host{Exec: func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
		h.ctx, h.in, h.stdout, h.stderr = ctx, bufio.NewReader(stdin), stdout, stderr
		h.hear()
		line, ok := h.hear()
		if m := nonceText.FindStringSubmatch(line); ok && m != nil {
			h.nonce = m[1]
			play(h)
		}
		return 9
	}}, h
}

// The program is held back until a shell of root's has said so, and the
// password until sudo has asked.
func TestNothingIsSentTooEarly(t *testing.T) {
	t.Parallel()
	const text = "the program\n"
	for _, c := range []struct {
		name string
		play func(*talker)
		want []string // heard after the first two lines
	}{
		{"root already", func(h *talker) {
			h.say("noise without an end\nREADY %s\n", h.nonce)
			h.hear()
		}, []string{"the program"}},
		{"sudo without a password", func(h *talker) {
			h.say("\nPLAIN %s\n", h.nonce)
			h.hear()
			h.say("\nREADY %s\n", h.nonce)
			h.hear()
			h.hear()
		}, []string{`LC_ALL=C; export LC_ALL; printf '\nREADY %s\n' NONCE`, "root=''", "the program"}},
		{"sudo with a password", func(h *talker) {
			h.say("\nSUDO %s\nsudo: a password is required\n\nPASSWORD %s\n", h.nonce, h.nonce)
			h.hear()
			h.warn("a lecture\ntmdoctor %s", h.nonce)
			h.hear()
			h.say("\nREADY %s\n", h.nonce)
			h.hear()
			h.hear()
		}, []string{"go NONCE", "secret", "root=''", "the program"}},
		{"sudo that wants no password any more", func(h *talker) {
			h.say("\nSUDO %s\nsudo: a password is required\n\nPASSWORD %s\n", h.nonce, h.nonce)
			h.hear()
			h.say("\nREADY %s\n", h.nonce)
			h.hear()
			h.hear()
		}, []string{"go NONCE", "root=''", "the program"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.opts.AskSudo = func() ([]byte, error) { return []byte("secret"), nil }
			host, h := talking(s, func(h *talker) {
				c.play(h)
				h.say("done\n== end ==\n")
			})
			at, _ := s.host(host)
			talk, err := connect(t, s.native(), at).Start(t.Context(), Program{Text: []byte(text), Root: true, End: "== end =="})
			if err != nil {
				t.Fatal(err)
			}
			if res := talk.Wait(t.Context()); res.Err != nil || string(res.Stdout) != "done\n"+endMark || res.ExitStatus != 9 {
				t.Errorf("Wait = %q, %d, %v", res.Stdout, res.ExitStatus, res.Err)
			}
			got := h.all()
			if got[0] != "root=''" {
				t.Errorf("line 1 = %q", got[0])
			}
			heard := strings.ReplaceAll(strings.Join(got[2:], "\n"), h.nonce, "NONCE")
			if want := strings.Join(c.want, "\n"); heard != want {
				t.Errorf("heard\n%s\nwant\n%s", heard, want)
			}
		})
	}
}

// Whatever a host answers, Start ends with an error, in bounded time, with
// nothing of the program sent, no password but to who asks, and nothing left.
func TestHostsThatMakeNobodyRoot(t *testing.T) {
	leakCheck(t)
	ask := func(h *talker) {
		h.say("\nSUDO %s\nsudo: a password is required\n\nPASSWORD %s\n", h.nonce, h.nonce)
		h.hear()
	}
	hang := func(h *talker) { <-h.ctx.Done() }
	for _, c := range []struct {
		name      string
		play      func(*talker)
		phase     Phase
		kind      Kind
		reason    string
		passwords int
	}{
		{"says nothing", hang, PhaseSession, KindTimeout, "no shell answered within 1s", 0},
		{"ends at once", func(*talker) {}, PhaseSession, "", "status 9", 0},
		{"READY without the nonce", func(h *talker) { h.say("READY\nREADY 1234\nREADY %s \n", h.nonce); hang(h) }, PhaseSession, KindTimeout, "no shell answered", 0},
		{"READY in the middle of a line", func(h *talker) { h.say("x READY %s\nREADY %sx\n", h.nonce, h.nonce); hang(h) }, PhaseSession, KindTimeout, "no shell answered", 0},
		{"half a line", func(h *talker) { h.say("READY %s", h.nonce); hang(h) }, PhaseSession, KindTimeout, "no shell answered", 0},
		{"floods", func(h *talker) {
			for {
				if _, err := io.WriteString(h.stdout, strings.Repeat("flood\n", 100)); err != nil {
					return
				}
			}
		}, PhaseSession, "", "without end", 0},
		{"floods on stderr", func(h *talker) {
			for {
				if _, err := io.WriteString(h.stderr, strings.Repeat("flood\n", 100)); err != nil {
					return
				}
			}
		}, PhaseSession, "", "without end", 0},
		{"no sudo", func(h *talker) { h.say("\nABSENT %s\n", h.nonce); hang(h) }, PhaseSudo, "", "has no sudo", 0},
		{"revoked after it was tried", func(h *talker) {
			h.say("\nPLAIN %s\n", h.nonce)
			h.warn("sudo: a password is required\n")
		}, PhaseSudo, "", "a password is required", 0},
		{"hangs as root", func(h *talker) { h.say("\nPLAIN %s\n", h.nonce); hang(h) }, PhaseSudo, KindTimeout, "did not make us root within 1s", 0},
		{"refuses otherwise", func(h *talker) { h.say("\nSUDO %s\nsudo: a bad day\n\nPASSWORD %s\n", h.nonce, h.nonce); hang(h) }, PhaseSudo, "", "a bad day", 0},
		{"ends before it says why", func(h *talker) { h.say("\nSUDO %s\nsudo: a\n", h.nonce) }, PhaseSudo, "", "does not make us root", 0},
		{"PASSWORD at once", func(h *talker) { h.say("\nPASSWORD %s\nPASSWORD %s\n", h.nonce, h.nonce); hang(h) }, PhaseSession, KindTimeout, "no shell answered", 0},
		{"asks for a code", func(h *talker) { ask(h); h.warn("Verification code: "); hang(h) }, PhaseSudo, KindTimeout, "Verification code:", 0},
		{"asks for a code in the prompt", func(h *talker) { ask(h); h.warn("[sudo: tmdoctor %s] Verification code: ", h.nonce); hang(h) }, PhaseSudo, KindTimeout, "Verification code:", 0},
		{"asks with another nonce", func(h *talker) { ask(h); h.warn("tmdoctor 1234"); hang(h) }, PhaseSudo, KindTimeout, "did not make us root", 0},
		{"asks twice", func(h *talker) {
			ask(h)
			h.warn("tmdoctor %s", h.nonce)
			h.hear()
			h.warn("tmdoctor %s", h.nonce)
			h.hear()
			h.hear()
		}, PhaseSudo, "", "did not take the password", 1},
		{"asks twice before it is answered", func(h *talker) {
			ask(h)
			h.warn("tmdoctor %s\ntmdoctor %s", h.nonce, h.nonce)
			h.hear()
			h.hear()
		}, PhaseSudo, "", "did not take the password", 1},
		{"says sorry", func(h *talker) { ask(h); h.warn("tmdoctor %s", h.nonce); h.hear(); h.warn("Sorry, try again.\n") }, PhaseSudo, "", "did not take the password", 1},
		{"ends without a word", func(h *talker) { ask(h); h.warn("tmdoctor %s", h.nonce); h.hear() }, PhaseSudo, "", "did not take the password", 1},
		{"hangs with the password", func(h *talker) { ask(h); h.warn("tmdoctor %s", h.nonce); h.hear(); hang(h) }, PhaseSudo, KindTimeout, "did not make us root", 1},
		{"has no rule", func(h *talker) {
			ask(h)
			h.warn("tmdoctor %s", h.nonce)
			h.hear()
			h.warn("operator is not in the sudoers file.\n")
		}, PhaseSudo, "", "not in the sudoers file", 1},
	} {
		s := newSite(t)
		s.opts.Limits = Limits{Script: time.Second, Stdout: 64 << 10, Drain: 64 << 10}
		s.opts.AskSudo = func() ([]byte, error) { return []byte("secret"), nil }
		host, h := talking(s, c.play)
		at, server := s.host(host)
		conn, err := s.native().Connect(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err = conn.Start(t.Context(), Program{Text: []byte("the program\n"), Root: true, End: "== end =="})
		e := asError(t, err)
		t.Logf("%s: %v (hint: %s)", c.name, e, e.Hint)
		if e.Phase != c.phase || e.Kind != c.kind {
			t.Errorf("%s: phase %s, kind %q, want %s, %q", c.name, e.Phase, e.Kind, c.phase, c.kind)
		}
		contains(t, c.name+": reason", e.Reason, c.reason)
		if e.Hint == "" {
			t.Errorf("%s: no hint", c.name)
		}
		if d := time.Since(begin); d > 10*time.Second {
			t.Errorf("%s: took %v", c.name, d)
		}
		conn.Close()
		server.Close()
		heard := strings.Join(h.all(), "\n")
		if strings.Contains(heard, "program") || strings.Count(heard, "secret") != c.passwords {
			t.Errorf("%s: heard %q, want %d passwords and no program", c.name, heard, c.passwords)
		}
		if said := fmt.Sprintf("%+v %s %s", e, e.Hint, e.Err); strings.Contains(said, "secret") {
			t.Errorf("%s: the password is in %q", c.name, said)
		}
	}
}

// A connection that ends is an error in every phase.
func TestAConnectionThatEndsInEveryPhase(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	var server *demo.Server
	steps := []func(*talker){
		func(h *talker) {},
		func(h *talker) { h.say("\nSUDO %s\nsudo: a password is required\n", h.nonce) },
		func(h *talker) { h.say("\nPASSWORD %s\n", h.nonce); h.hear() },
		func(h *talker) { h.warn("tmdoctor %s", h.nonce); h.hear() },
		func(h *talker) { h.say("\nREADY %s\n", h.nonce); h.hear(); h.hear() },
		func(h *talker) { h.say("ask\n"); h.hear() },
	}
	for last := range steps {
		s.opts.AskSudo = func() ([]byte, error) { return []byte("secret"), nil }
		host, _ := talking(s, func(h *talker) {
			for _, step := range steps[:last+1] {
				step(h)
			}
			go server.Close()
			<-h.ctx.Done()
		})
		h, srv := s.host(host)
		server = srv
		conn, err := s.native().Connect(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		talk, err := conn.Start(t.Context(), Program{Text: []byte("the program\n"), Root: true, End: "== end =="})
		if last < 4 {
			e := asError(t, err)
			t.Logf("%d: %v (hint: %s)", last, e, e.Hint)
			if want := map[bool]Phase{true: PhaseSession, false: PhaseSudo}[last == 0]; e.Phase != want {
				t.Errorf("%d: phase %s, want %s", last, e.Phase, want)
			}
		} else if err != nil {
			t.Errorf("%d: %v", last, err)
		} else {
			if _, err = talk.Until(t.Context(), "ask"); last == 5 {
				if err != nil {
					t.Errorf("%d: %v", last, err)
				}
				talk.Say(t.Context(), "yes") // heard or not
				_, err = talk.Until(t.Context(), "more")
			}
			if e := asError(t, err); e.Phase != PhaseScript {
				t.Errorf("%d: %+v, want phase script", last, e)
			}
			if res := talk.Wait(t.Context()); res.Err == nil {
				t.Errorf("%d: no error of a program without an end", last)
			}
		}
		if err := conn.Alive(t.Context()); err == nil {
			t.Errorf("%d: a connection that ended is alive", last)
		}
		if _, err := conn.Start(t.Context(), Program{}); asError(t, err).Phase != PhaseSession {
			t.Errorf("%d: %v, want phase session", last, err)
		}
		conn.Close()
		srv.Close()
	}
}
