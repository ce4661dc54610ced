package remote

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// way is a Connector and a host that it reaches.
type way struct {
	name string
	root string // what the program sees as $root
	sudo bool   // programs are run as root, by sudo
	open func(t *testing.T, limits Limits) (Connector, inventory.Host)
}

// ways are all there are: each must pass the same tests.
func ways(t *testing.T) []way {
	const tree = "/some where's/else"
	all := []way{
		{"native, in process", tree, false, func(t *testing.T, limits Limits) (Connector, inventory.Host) {
			s := newSite(t)
			s.opts.Limits = limits
			h, _ := s.host(demo.Host{Root: tree, Behave: demo.Behaviour{Before: "Welcome!\nno newline at the end"}})
			return s.native(), h
		}},
		{"local", "", false, func(t *testing.T, limits Limits) (Connector, inventory.Host) {
			return &Local{Limits: limits}, inventory.Host{Name: "localhost", Local: true}
		}},
	}
	if _, err := os.Stat("/usr/sbin/sshd"); err == nil || os.Getenv("CI") != "" {
		site := newSite(t)
		d := site.startSSHD("MaxSessions 1\n")
		site.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
		all = append(all, way{"native, sshd with one session at a time", "", false, func(t *testing.T, limits Limits) (Connector, inventory.Host) {
			s := *site
			s.t, s.opts.Limits = t, limits
			return s.native(), d.host()
		}}, way{"openssh, sshd with one session at a time", "", false, func(t *testing.T, limits Limits) (Connector, inventory.Host) {
			s := *site
			s.t, s.opts.Limits = t, limits
			return s.openssh(), d.host()
		}})
	}
	return append(all, sudoWays(t)...)
}

// connect opens a connection that is closed with the test.
func connect(t *testing.T, c Connector, h inventory.Host) Conn {
	t.Helper()
	conn, err := c.Connect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// start starts a program, as root if that is the way.
func start(t *testing.T, w way, c Conn, text string) Talk {
	t.Helper()
	talk, err := c.Start(t.Context(), Program{Text: []byte(text), Root: w.sudo, End: "== end =="})
	if err != nil {
		t.Fatal(err)
	}
	return talk
}

func asError(t testing.TB, err error) *Error {
	t.Helper()
	return failure(t, Result{Err: err})
}

func TestEveryWayToAHost(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range conversations {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					connector, h := w.open(t, c.limits)
					c.test(t, w, connect(t, connector, h))
				})
			}
		})
	}
}

// conversations are what holds for every way to a host.
var conversations = []struct {
	name   string
	limits Limits
	test   func(*testing.T, way, Conn)
}{
	{"scripts and programs run one after the other", Limits{}, func(t *testing.T, w way, c Conn) {
		for range 4 {
			res := c.Run(t.Context(), script("root=''\necho one; echo '== end =='; exit 3\n"))
			if res.Err != nil || !strings.HasSuffix(string(res.Stdout), "one\n"+endMark) || res.ExitStatus != 3 {
				t.Fatalf("Run = %q, %d, %v; want one, 3, nil", res.Stdout, res.ExitStatus, res.Err)
			}
			res = start(t, w, c, "echo two; echo '== end =='; exit 4\n").Wait(t.Context())
			if res.Err != nil || string(res.Stdout) != "two\n"+endMark || res.ExitStatus != 4 {
				t.Fatalf("Wait = %q, %d, %v; want two, 4, nil", res.Stdout, res.ExitStatus, res.Err)
			}
			if err := c.Alive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"a program is spoken with", Limits{}, func(t *testing.T, w way, c Conn) {
		talk := start(t, w, c, "main() { for n in 1 2 3; do echo ask; read -r line; echo \"got $line\"; done; read -r line || echo '== end =='; exit 5; }\nmain\n")
		for i, line := range []string{"a", "", "it's  \\ \"$HOME\""} {
			out, err := talk.Until(t.Context(), "ask")
			if err != nil || strings.Count(string(out), "ask\n") != i+1 {
				t.Fatalf("Until = %q, %v", out, err)
			}
			if err := talk.Say(t.Context(), line); err != nil {
				t.Fatal(err)
			}
		}
		res := talk.Wait(t.Context())
		want := "ask\ngot a\nask\ngot \nask\ngot it's  \\ \"$HOME\"\n" + endMark
		if res.Err != nil || string(res.Stdout) != want || res.ExitStatus != 5 {
			t.Errorf("Wait = %q, %d, %v; want %q", res.Stdout, res.ExitStatus, res.Err, want)
		}
	}},
	{"the root is that of the host, and no variable of the environment", Limits{}, func(t *testing.T, w way, c Conn) {
		t0, err := c.Start(t.Context(), Program{Text: []byte("echo \"root=$root\"\necho '== end =='\n"), End: "== end ==", Root: true})
		if err != nil {
			if asError(t, err).Phase == PhaseSudo {
				t.Skip(err) // not run by root
			}
			t.Fatal(err)
		}
		if res := t0.Wait(t.Context()); res.Err != nil || string(res.Stdout) != "root="+w.root+"\n"+endMark {
			t.Errorf("Wait = %q, %v; want root=%s", res.Stdout, res.Err, w.root)
		}
	}},
	{"a program longer than any buffer", Limits{}, func(t *testing.T, w way, c Conn) {
		talk := start(t, w, c, strings.Repeat(": # a line that fills the program up to its length\n", 60000)+"main() { echo ask; read -r line; echo \"$line\"; echo '== end =='; }\nmain\n")
		if _, err := talk.Until(t.Context(), "ask"); err != nil {
			t.Fatal(err)
		}
		talk.Say(t.Context(), "yes")
		if res := talk.Wait(t.Context()); res.Err != nil || string(res.Stdout) != "ask\nyes\n"+endMark {
			t.Errorf("Wait = %q, %v", res.Stdout, res.Err)
		}
	}},
	{"a program that ends before the line", Limits{}, func(t *testing.T, w way, c Conn) {
		talk := start(t, w, c, "echo some; echo words >&2; exit 7\n")
		out, err := talk.Until(t.Context(), "ask")
		e := asError(t, err)
		if e.Phase != PhaseScript || string(out) != "some\n" {
			t.Errorf("Until = %q, %+v; want some, phase script", out, e)
		}
		contains(t, "reason", e.Reason, "status 7", "words")
		if res := talk.Wait(t.Context()); !errors.Is(res.Err, e) || string(res.Stdout) != "some\n" || res.ExitStatus != 7 {
			t.Errorf("Wait = %q, %d, %v; want the same error", res.Stdout, res.ExitStatus, res.Err)
		}
		if err := c.Alive(t.Context()); err != nil {
			t.Error(err)
		}
	}},
	{"a program without its last line", Limits{}, func(t *testing.T, w way, c Conn) {
		res := start(t, w, c, "printf '== end =='\n").Wait(t.Context())
		if e := failure(t, res); e.Phase != PhaseScript {
			t.Errorf("%+v, want phase script: a line without its end is half a line", e)
		}
	}},
	{"a context that ends leaves the program its end of input", Limits{}, func(t *testing.T, w way, c Conn) {
		done := t.TempDir() + "/done"
		talk := start(t, w, c, "main() { echo ask; read -r line || echo \"left $line\" >"+quoteWord(done)+"; }\nmain\n")
		if _, err := talk.Until(t.Context(), "ask"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := talk.Until(ctx, "never")
		if e := asError(t, err); e.Kind != KindTimeout && e.Kind != KindCanceled {
			t.Errorf("%+v, want a timeout", e)
		}
		if err := talk.Say(t.Context(), "too late"); err == nil {
			t.Error("Say after the end of the talk: no error")
		}
		awaitFile(t, done, "left \n")
		if res := start(t, w, c, "echo '== end =='\n").Wait(t.Context()); res.Err != nil {
			t.Error(res.Err) // the connection goes on
		}
	}},
	{"an abandoned program sees the end of its input", Limits{}, func(t *testing.T, w way, c Conn) {
		done := t.TempDir() + "/done"
		talk := start(t, w, c, "main() { trap '' PIPE; echo ask; read -r line || { echo x; echo \"left $line\" >"+quoteWord(done)+"; }; }\nmain\n")
		if _, err := talk.Until(t.Context(), "ask"); err != nil {
			t.Fatal(err)
		}
		talk.Abandon()
		talk.Abandon()
		awaitFile(t, done, "left \n")
		if e := failure(t, talk.Wait(t.Context())); e.Kind != KindCanceled {
			t.Errorf("%+v, want canceled", e)
		}
	}},
	{"a closed connection leaves the program its end of input", Limits{}, func(t *testing.T, w way, c Conn) {
		done := t.TempDir() + "/done"
		talk := start(t, w, c, "main() { trap '' PIPE; echo ask; read -r line || echo \"left $line\" >"+quoteWord(done)+"; }\nmain\n")
		if _, err := talk.Until(t.Context(), "ask"); err != nil {
			t.Fatal(err)
		}
		c.Close()
		awaitFile(t, done, "left \n")
		if _, err := talk.Until(t.Context(), "never"); asError(t, err).Phase != PhaseScript {
			t.Errorf("%v, want phase script", err)
		}
	}},
	{"output without end", Limits{Stdout: 64 << 10, Drain: 64 << 10}, func(t *testing.T, w way, c Conn) {
		talk := start(t, w, c, "while :; do echo 0123456789012345678901234567890123456789; done\n")
		_, err := talk.Until(t.Context(), "never")
		contains(t, "reason", asError(t, err).Reason, "without end")
	}},
	{"something left running does not hold up the end", Limits{}, func(t *testing.T, w way, c Conn) {
		begin := time.Now()
		res := start(t, w, c, "sleep 20 & echo '== end =='; exit 6\n").Wait(t.Context())
		if res.Err != nil || res.ExitStatus != 6 || time.Since(begin) > 10*time.Second {
			t.Errorf("%d, %v after %v; want 6 at once", res.ExitStatus, res.Err, time.Since(begin))
		}
	}},
	{"two lines are not one", Limits{}, func(t *testing.T, w way, c Conn) {
		talk := start(t, w, c, "read -r line; echo '== end =='\n")
		if err := talk.Say(t.Context(), "a\nb"); err == nil {
			t.Error("no error")
		}
		talk.Abandon()
	}},
}

// awaitFile waits until a host has written a file.
func awaitFile(t *testing.T, path, want string) {
	t.Helper()
	var text string
	for range 500 {
		if text = readIf(path); text == want {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s has %q, want %q", path, text, want)
}
