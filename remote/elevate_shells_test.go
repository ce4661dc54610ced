//go:build unix

package remote

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// fakeSudo is a sudo that makes nobody root: FREE says if it wants a password,
// and it keeps what it is given for one, the end of input included.
const fakeSudo = `#!/bin/sh
option=$1
shift
if [ "$option" = -n ]; then
	[ -n "$FREE" ] && exec "$@"
	echo "sudo: a password is required" >&2
	exit 1
fi
echo "We trust you have received the usual lecture." >&2
for try in 1 2 3; do
	printf '%s' "$SUDO_PROMPT" >&2
	read -r password || password="end of input"
	echo "$password" >>"$SEEN"
	[ "$password" = "it's right" ] && exec "$@"
	echo "Sorry, try again." >&2
done
exit 1
`

// shells are those that hosts have as /bin/sh.
var shells = [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "ash"}, {"mksh"}}

// TestElevationInEveryShell runs the lines that make us root in each.
func TestElevationInEveryShell(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		for _, c := range []struct {
			name, password string
			free           string
			seen           string
			reason         string
		}{
			{"without a password", "", "yes", "", ""},
			{"with a password", "it's right", "", "it's right\n", ""},
			{"with a wrong password", "it's wrong", "", "it's wrong\n", "did not take the password"},
		} {
			t.Run(shell[0]+" "+c.name, func(t *testing.T) {
				t.Parallel()
				need(t, shell[0])
				s := newSite(t)
				bin, seen := t.TempDir(), filepath.Join(t.TempDir(), "seen")
				for name, text := range map[string]string{
					"sudo": fakeSudo, "id": "#!/bin/sh\necho 1000\n",
				} {
					if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
						t.Fatal(err)
					}
				}
				s.opts.AskSudo = func() ([]byte, error) { return []byte(c.password), nil }
				h, _ := s.host(demo.Host{Exec: func(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
					cmd := exec.CommandContext(ctx, shell[0], append(shell[1:], "-s")...)
					cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "FREE=" + c.free, "SEEN=" + seen, "root=/of/the/environment"}
					cmd.Stdout, cmd.Stderr = stdout, stderr
					in, err := cmd.StdinPipe()
					if err != nil || cmd.Start() != nil {
						return 126
					}
					go func() { io.Copy(in, stdin); in.Close() }()
					cmd.Wait()
					return cmd.ProcessState.ExitCode()
				}})
				talk, err := connect(t, s.native(), h).Start(t.Context(), Program{Root: true, End: "== end ==",
					Text: []byte("main() { echo \"[$root] [$LC_ALL]\"; echo problem >&2; echo ask; read -r line; echo \"$line\"; echo '== end =='; exit 6; }\nmain\n")})
				if c.reason != "" {
					e := asError(t, err)
					contains(t, "reason", e.Reason, c.reason)
				} else if err != nil {
					t.Fatalf("%v (hint: %s)", err, asError(t, err).Hint)
				} else {
					if _, err := talk.Until(t.Context(), "ask"); err != nil {
						t.Fatal(err)
					}
					talk.Say(t.Context(), "yes")
					res := talk.Wait(t.Context())
					if res.Err != nil || string(res.Stdout) != "[] [C]\nask\nyes\n"+endMark || string(res.Stderr) != "problem\n" || res.ExitStatus != 6 {
						t.Errorf("%q, stderr %q, %d, %v", res.Stdout, res.Stderr, res.ExitStatus, res.Err)
					}
				}
				if got := readIf(seen); got != c.seen {
					t.Errorf("sudo was given %q, want %q", got, c.seen)
				}
			})
		}
	}
}

// The lines are shell that a person may read in a log of commands.
func TestElevationIsCleanShell(t *testing.T) {
	t.Parallel()
	shellcheck := need(t, "shellcheck")
	for _, root := range []bool{false, true} {
		text := noRoot + elevation("NONCE", root)
		if n := strings.Count(text, "\n"); n != 2 {
			t.Errorf("%d lines, want 2", n)
		}
		// SC2034: root is the program's. SC1003: quotes within quotes.
		cmd := exec.Command(shellcheck, "-s", "sh", "-e", "SC2034,SC1003", "-")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}
