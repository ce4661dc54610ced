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
	if e.Phase == PhaseScript {
		e.Hint = "the host is overloaded, or a disk or network file system hangs; allow it more time or log in and look"
		if len(r.stdout.soFar()) == 0 {
			e.Hint = "nothing was printed: a login script may wait for input, or the host hangs"
		}
	}
	return e
}

// tells are texts that a host prints instead of running the script. They
// choose a hint and nothing else.
var tells = []struct{ text, hint string }{
	{"account is currently not available", "the user's login shell is nologin: log in as another user, or give this one a shell"},
	{"This service allows sftp connections only", "the server forces sftp on this user (ForceCommand): log in as another"},
	{"restricted", "the user's login shell is restricted (rbash): log in as another user"},
	{"annot fork", "the user is at the limit of processes on the host: compare nproc and pids.max with ps -L -u USER"},
	{"an't fork", "the user is at the limit of processes on the host: compare nproc and pids.max with ps -L -u USER"},
	{"Resource temporarily unavailable", "the user is at the limit of processes on the host: compare nproc and pids.max with ps -L -u USER"},
	{"/bin/sh: not found", "the host has no /bin/sh"},
	{"System is going down", "the host is shutting down: try again later"},
	{"System is booting up", "the host is booting: try again later"},
	{"password has expired", "the user's password has expired: log in once by hand and change it"},
	{"account has expired", "the user's account has expired"},
}

// incomplete is for a script that ended without its end mark. A status of 0
// proves nothing: a forced command has one too.
func incomplete(res *Result, e exit, lim Limits) *Error {
	err := &Error{Phase: PhaseScript}
	switch {
	case e.signal != "":
		err.Reason = "the script was killed by signal " + e.signal
	case e.status >= 0:
		err.Reason = fmt.Sprintf("the shell ended with status %d and not all of the answer", e.status)
	default:
		err.Reason = lostInScript
		err.Hint = "the host rebooted, or sshd or a firewall ended the connection"
	}
	if res.Truncated && len(res.Stdout) == lim.Stdout {
		err.Reason += fmt.Sprintf("; only the first %d bytes were kept", lim.Stdout)
	}
	last := bytes.TrimSpace(res.Stderr)
	if len(last) == 0 && len(res.Stdout) <= 4*maxExcerpt {
		last = res.Stdout // short output is not the script's but of what ran instead
	}
	if text := excerpt(last); text != "" {
		err.Reason += ": " + text
	}
	for _, t := range tells {
		if bytes.Contains(res.Stderr, []byte(t.text)) || len(res.Stdout) < 4096 && bytes.Contains(res.Stdout, []byte(t.text)) {
			err.Hint = t.hint
			break
		}
	}
	if err.Hint == "" {
		err.Hint = "log in and run /bin/sh by hand: a login script or a forced command may stand in the way"
	}
	return err
}
