package remote

import (
	"bytes"
	"context"
	"fmt"
)

// lostInScript is the reason of a connection that ended before the script did.
const lostInScript = "the connection ended in the middle of the script"

// scriptTimedOut is for a script that did not come to its end.
func scriptTimedOut(ctx context.Context, r *running) *Error {
	e := ended(ctx, PhaseScript, "the script did not come to its end")
	if e.Phase != PhaseScript {
		return e
	}
	said, found := whatWasSaid(r.stdout.soFar(), r.stderr.soFar())
	if text := excerptEnds(said); text != "" {
		e.Reason += ": " + text
	}
	e.Hint = "the host is overloaded, or a disk or network file system hangs; allow it more time or log in and look"
	switch {
	case found != nil:
		e.Hint = found.hint
	case len(r.stdout.soFar()) == 0:
		e.Hint = "nothing was printed: a login script may wait for input, or the host hangs"
		if len(said) > 0 {
			e.Hint = "the script printed nothing: a login script may wait for input, or the host hangs"
		}
	}
	return e
}

// tell is a text that a host prints instead of running the script, or before
// it ends a login.
type tell struct{ text, hint string }

const (
	noProcesses = "the user is at the limit of processes on the host: compare nproc and pids.max with ps -L -u USER"
	noShell     = "there is no shell where sshd puts this user: look for ChrootDirectory in its sshd_config, and for /bin/sh"
)

// tells choose a hint, and which line of what was printed is shown. They decide
// nothing else.
var tells = []tell{
	{"account is currently not available", "the user's login shell is nologin: log in as another user, or give this one a shell"},
	{"This service allows sftp connections only", "the server forces sftp on this user (ForceCommand): log in as another"},
	{": restricted", "the user's login shell is restricted (rbash): log in as another user"},
	{"annot fork", noProcesses},
	{"an't fork", noProcesses},
	{"fork: retry", noProcesses},
	{"Resource temporarily unavailable", noProcesses},
	{"No space left on device", "a disk is full on the host, and a login script fails of it: df -h and df -i say which"},
	{"too many logins", "the host allows this user no more logins at once: maxlogins in its limits.conf"},
	{"/bin/sh: not found", noShell},
	{"/bin/sh: Command not found", noShell},
	{"/sh: No such file or directory", noShell},
	{"/bash: No such file or directory", noShell},
	{"/zsh: No such file or directory", noShell},
	{"/bin/sh: Permission denied", "this user may not run /bin/sh: look at its mode, a noexec mount, SELinux or AppArmor"},
	{"System is going down", "the host is shutting down: try again later"},
	{"System is booting up", "the host is booting: try again later"},
	{"password has expired", "the user's password has expired: log in once by hand and change it"},
	{"account has expired", "the user's account has expired: chage -l USER on the host says when, chage -E -1 USER ends that"},
}

// tellIn is the first of them that is in a text, nil for none.
func tellIn(text []byte) *tell {
	for i := range tells {
		if bytes.Contains(text, []byte(tells[i].text)) {
			return &tells[i]
		}
	}
	return nil
}

// line is the line that the tell is in, or what of it fits into an excerpt.
func (t *tell) line(text []byte) []byte {
	i := bytes.Index(text, []byte(t.text))
	end := i + len(t.text)
	around := (maxExcerpt - len(t.text)) / 2
	from := max(0, i-around)
	from += bytes.LastIndexByte(text[from:i], '\n') + 1
	to := min(len(text), end+around)
	if n := bytes.IndexByte(text[end:to], '\n'); n >= 0 {
		to = end + n
	}
	return text[from:to]
}

// incomplete is for a script that ended without its end mark. A status of 0
// proves nothing: a forced command has one too.
func incomplete(res *Result, e exit, lim Limits) *Error {
	err := &Error{Phase: PhaseScript}
	switch {
	case e.signal != "":
		err.Reason = "the script was killed by signal " + e.signal
		err.Hint = "something on the host killed it: look for the out-of-memory killer in dmesg, and for limits of memory and processor time"
	case e.status >= 0:
		err.Reason = fmt.Sprintf("the shell ended with status %d and not all of the answer", e.status)
	default:
		err.Reason = lostInScript
		err.Hint = "the host rebooted, or sshd or a firewall ended the connection"
	}
	if res.Truncated && len(res.Stdout) == lim.Stdout {
		err.Reason += fmt.Sprintf("; only the first %d bytes were kept", lim.Stdout)
	}
	said, found := whatWasSaid(res.Stdout, res.Stderr)
	if text := excerptEnds(said); text != "" {
		err.Reason += ": " + text
	}
	switch {
	case found != nil:
		err.Hint = found.hint
	case err.Hint != "":
	case len(said) == 0 && len(res.Stdout) == 0 && e.status == 0:
		err.Hint = "nothing was printed: a login script ends the shell, or reads the script from its standard input; look for exit, exec, read and cat in ~/.bashrc, ~/.profile and /etc/profile"
	case len(said) == 0 && len(res.Stdout) == 0:
		err.Hint = "nothing was printed: the user's login shell may be /bin/false (getent passwd USER), or a login script ends the shell"
	default:
		err.Hint = "log in and run /bin/sh by hand: a login script or a forced command may stand in the way"
	}
	return err
}

// whatWasSaid is what a host printed instead of the answer, with the tell that
// is in it: the line of that, else stderr, else stdout where it is short and so
// not the script's but of what ran instead.
func whatWasSaid(stdout, stderr []byte) ([]byte, *tell) {
	if t := tellIn(stderr); t != nil {
		return t.line(stderr), t
	}
	if t := tellIn(stdout); t != nil && len(stdout) < 4096 {
		return t.line(stdout), t
	}
	if last := bytes.TrimSpace(stderr); len(last) > 0 || len(stdout) > 4*maxExcerpt {
		return last, nil
	}
	return bytes.TrimSpace(stdout), nil
}
