package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
)

// noRoot is the first line of every program. Who runs programs over a
// directory that stands for a host replaces exactly this line.
const noRoot = "root=''\n"

// The marks that the host prints, each followed by the nonce, on a line of its
// own whatever a login script printed before.
const (
	markReady  = "READY"    // the shell that runs the program listens
	markPlain  = "PLAIN"    // sudo needs no password: the shell becomes sudo's
	markSudo   = "SUDO"     // what sudo said comes next
	markAbsent = "ABSENT"   // there is no sudo
	markAsk    = "PASSWORD" // the shell waits for a word, then for a password
)

// begin runs the program: it becomes root first if need be. With an error
// nothing of the program was sent.
func (t *talk) begin(ctx context.Context, p Program, sudo asker) *Error {
	t.end = p.End
	limited, stop := within(ctx, t.lim.Script)
	defer stop()
	nonce := rand.Text()
	t.send([]byte(noRoot + elevation(nonce, p.Root)))
	mark, _, e := t.mark(limited, nonce, markReady, markPlain, markSudo, markAbsent)
	if e != nil {
		return t.fail(unready(e))
	}
	text := p.Text
	switch mark {
	case markAbsent:
		e = &Error{Phase: PhaseSudo, Reason: "the host has no sudo, and the login is not root",
			Hint: "log in as root, or install sudo and give the user a rule"}
	case markPlain:
		t.send([]byte("LC_ALL=C; export LC_ALL; " + say(markReady, nonce) + "\n"))
		text = append([]byte(noRoot), text...)
		if _, _, e = t.mark(limited, nonce, markReady); e != nil {
			e = t.refused(e, nonce)
		}
	case markSudo:
		text = append([]byte(noRoot), text...)
		e = t.password(ctx, nonce, sudo)
	}
	if e != nil {
		return t.fail(e)
	}
	// What login scripts and sudo said is not the program's.
	t.r.stdout.drop(t.seen)
	t.r.stderr.drop(len(t.r.stderr.soFar()))
	t.seen = 0
	t.send(text)
	return nil
}

// say is a command that prints a mark, on a line of its own.
func say(mark, nonce string) string { return fmt.Sprintf(`printf '\n%s %%s\n' %s`, mark, nonce) }

// elevation is the line that makes a shell root's. It is one line because a
// shell reads its input in blocks: what comes after it belongs to another.
func elevation(nonce string, root bool) string {
	ready := say(markReady, nonce)
	if !root {
		return "LC_ALL=C; export LC_ALL; " + ready + "\n"
	}
	return strings.Join([]string{
		`LC_ALL=C; export LC_ALL; if [ -n "$root" ] || [ "$(id -u)" = 0 ]; then ` + ready,
		`elif ! command -v sudo >/dev/null 2>&1; then ` + say(markAbsent, nonce),
		`elif said=$(sudo -n /bin/sh -s </dev/null 2>&1); then ` + say(markPlain, nonce),
		`exec sudo -n /bin/sh -s`,
		`else ` + say(markSudo, nonce),
		`printf '%s\n' "$said"`,
		say(markAsk, nonce),
		`read -r said && [ "$said" = "go ` + nonce + `" ] || exit 1`,
		byPassword(nonce),
		"exit $?",
		"fi\n",
	}, "; ")
}

// byPassword is the command that becomes root by a password on standard input.
// sudo would ask again for one that is wrong, and PAM (pam_faillock) counts an
// end of input there as a second failed attempt. So what sudo says passes
// through a process that kills it when it asks twice: until sudo has let
// somebody in, it belongs to who called it. The pipe between them is that of a
// pipeline whose first end has ended; the shell itself becomes sudo, so that
// its status is the program's.
func byPassword(nonce string) string {
	prompt := promptText(nonce)
	guard := strings.Join([]string{
		`read -r pid; all=`,
		`while said=$(dd bs=4096 count=1 2>/dev/null; echo .); said=${said%.}; [ -n "$said" ]`,
		`do printf %s "$said" >&2`,
		`if [ "${#all}" -lt 16384 ]; then all=$all$said`,
		`case $all in *"` + prompt + `"*"` + prompt + `"*) kill -KILL "$pid"; exit;; esac; fi`,
		`done`,
	}, "; ")
	root := "LC_ALL=C; export LC_ALL; " + say(markReady, nonce) + "; exec /bin/sh -s"
	sudo := `echo "$$" >&2; SUDO_PROMPT='` + prompt + `'; export SUDO_PROMPT; exec sudo -S /bin/sh -c ` + quoteWord(root)
	return `{ true | { exec 8<&0 9>/proc/self/fd/0; (exec /bin/sh -c ` + quoteWord(guard) + ` <&8 7<&- 8<&- 9>&- &); ` +
		`exec /bin/sh -c ` + quoteWord(sudo) + ` <&7 2>&9 7<&- 8<&- 9>&-; }; } 7<&0`
}

// mark waits for one of the marks, and gives what was printed before it since
// the last.
func (t *talk) mark(ctx context.Context, nonce string, marks ...string) (mark string, before []byte, e *Error) {
	from := t.seen
	line, e := t.await(ctx, func(line []byte) bool {
		word, rest, _ := bytes.Cut(line, []byte(" "))
		for _, m := range marks {
			if string(word) == m && string(rest) == nonce {
				return true
			}
		}
		return false
	})
	if e != nil {
		return "", t.r.stdout.soFar()[from:], e
	}
	word, _, _ := bytes.Cut(line, []byte(" "))
	return string(word), t.r.stdout.soFar()[from : t.seen-len(line)-1], nil
}

// unready is for a host on which no shell of ours came to speak.
func unready(e *Error) *Error {
	if e.Phase == PhaseScript {
		e.Phase = PhaseSession
		if reason, ok := limitReason("logged in, but no shell answered", e.Err); ok {
			e.Reason = reason
		} else if rest, ok := strings.CutPrefix(e.Reason, lostInScript); ok {
			e.Reason = "the connection ended before the shell answered" + rest
		}
	}
	return e
}
