package remote

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tmdoctor/tmdoctor/inventory"
)

func TestAnExcerptKeepsBothEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"nothing", " \n", ""},
		{"short", "one\ntwo\x1b[31m", `"one two\u001b[31m"`},
		{"long", strings.Repeat("a", 500) + " no shell", `"` + strings.Repeat("a", 80) + " ... " + strings.Repeat("a", 71) + ` no shell"`},
		{"not cut within a letter", strings.Repeat("é", 300), `"` + strings.Repeat("é", 40) + " ... " + strings.Repeat("é", 40) + `"`},
		{"nor so at odd places", "x" + strings.Repeat("é", 300), `"x` + strings.Repeat("é", 39) + " ... " + strings.Repeat("é", 40) + `"`},
	} {
		if got := excerptEnds([]byte(c.text)); got != c.want || !utf8.ValidString(got) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What a host prints chooses the hint, and is shown by the line that says why.
func TestWhatIsPrintedInsteadOfAnAnswer(t *testing.T) {
	t.Parallel()
	motd := strings.Repeat("Welcome to this machine, which is watched.\n", 30)
	for _, c := range []struct {
		name, stdout, stderr string
		exit                 exit
		reason, hint         string
	}{
		{"nothing, status 0", "", "", exit{status: 0}, "the shell ended with status 0 and not all of the answer", "standard input"},
		{"nothing, status 1", "", "\n", exit{status: 1}, "the shell ended with status 1 and not all of the answer", "/bin/false"},
		{"below a message of the day", motd + "Too bad: there were too many logins for 'op'.\n", "", exit{status: 254},
			`: "Too bad: there were too many logins for 'op'."`, "maxlogins"},
		{"stderr first", "This account is currently not available.\n", "sh: 1: Cannot fork\n", exit{status: 2}, `: "sh: 1: Cannot fork"`, "nproc"},
		{"bash cannot fork", "", "bash: fork: retry: Resource temporarily unavailable\nbash: fork: Cannot allocate memory\n", exit{status: 254}, `"bash: fork: retry: Resource temporarily unavailable"`, "nproc"},
		{"dash cannot write", "", "sh: 3: cannot create /tmp/x: No space left on device\n", exit{status: 2}, "No space left on device", "df -h"},
		{"csh without a shell", "", "/bin/sh: Command not found.\n", exit{status: 1}, `"/bin/sh: Command not found."`, "ChrootDirectory"},
		{"a notice is no restricted shell", "Access to this host is restricted.\n", "", exit{status: 1}, "restricted", "log in and run /bin/sh by hand"},
		{"text of a script is no tell", "a fact: account has expired\n" + strings.Repeat("x", 5000), "", exit{status: 1}, "not all of the answer", "by hand"},
		{"a line without end", "", strings.Repeat("y", 4000) + "No space left on device" + strings.Repeat("z", 4000), exit{status: 1}, "yyNo space left on devicezz", "df -h"},
		{"escapes", "", "\x1b]0;owned\x07: restricted\n", exit{status: 1}, `"\u001b]0;owned\u0007: restricted"`, "rbash"},
		{"killed", "half", "", exit{status: -1, signal: "KILL"}, `the script was killed by signal KILL: "half"`, "out-of-memory killer"},
	} {
		res := Result{Host: inventory.Host{Name: "h"}, Stdout: []byte(c.stdout), Stderr: []byte(c.stderr)}
		e := incomplete(&res, c.exit, DefaultLimits())
		contains(t, c.name+": reason", e.Reason, c.reason)
		contains(t, c.name+": hint", e.Hint, c.hint)
		if len(e.Reason) > 500 || strings.ContainsAny(e.Reason, "\n\x1b") {
			t.Errorf("%s: %d bytes of reason: %q", c.name, len(e.Reason), e.Reason)
		}
	}
}

// A script that does not come to its end is judged by what was printed too: bash
// tries for 15 seconds to fork where it may not.
func TestWhatIsPrintedBeforeATimeout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, reason, hint string }{
		{"nothing", "sleep 100\n", "within 300ms", "nothing was printed: a login script"},
		{"a question", "printf 'Which environment? [1-3] '; sleep 100\n", `within 300ms: "Which environment? [1-3]"`, "allow it more time"},
		{"words on stderr", "echo 'waiting for the file server' >&2; sleep 100\n", `within 300ms: "waiting for the file server"`, "the script printed nothing: a login script"},
		{"no process left", "echo 'sh: fork: retry: Resource temporarily unavailable' >&2; sleep 100\n", "fork: retry", "nproc"},
	} {
		l := &Local{Limits: Limits{Script: 300 * time.Millisecond}}
		e := failure(t, l.Run(t.Context(), inventory.Host{Local: true}, script(c.text)))
		if e.Phase != PhaseScript || e.Kind != KindTimeout {
			t.Errorf("%s: phase %s kind %q, want script timeout", c.name, e.Phase, e.Kind)
		}
		contains(t, c.name+": reason", e.Reason, c.reason)
		contains(t, c.name+": hint", e.Hint, c.hint)
	}
}
