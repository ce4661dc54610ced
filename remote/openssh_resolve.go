package remote

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Resolve says how a host would be reached, as ssh -G does: it connects to
// nothing.
func (o *OpenSSH) Resolve(h inventory.Host) (Settings, error) {
	if e := checkTarget(h); e != nil {
		return Settings{}, e
	}
	ctx, cancel := within(o.life, o.limits.Connect)
	defer cancel()
	s, e := o.resolve(ctx, h)
	if e != nil {
		return Settings{}, e
	}
	if h.Jump != "" {
		s.Jumps = jumpNames(h.Jump)
	}
	return s.Settings, nil
}

// opensshSettings are what ssh -G says.
type opensshSettings struct {
	Settings
	controlPath string
	proxyJump   string // of ssh_config
	lax         bool   // StrictHostKeyChecking no
}

// strictness are arguments that keep ssh from accepting a changed host key,
// which it would where StrictHostKeyChecking is no: as [Native], it records
// unknown ones.
func (s *opensshSettings) strictness() []string {
	if !s.lax {
		return nil
	}
	return []string{"-o", "StrictHostKeyChecking=accept-new"}
}

// resolve asks ssh how it would reach a host.
//
// The answer goes to a file and not through a pipe. What a Match exec left
// running, and on a busy machine others that are just being started, hold our
// ends of pipes, so that these are not read for ever; and half an answer would
// hide a StrictHostKeyChecking no.
func (o *OpenSSH) resolve(ctx context.Context, h inventory.Host) (s opensshSettings, e *Error) {
	args, e := o.target(h)
	if e != nil {
		return s, e
	}
	answer, err := os.CreateTemp("", "tmdoctor-ssh-*")
	if err != nil {
		return s, &Error{Phase: PhaseConfig, Reason: "no place for the answer of ssh -G: " + err.Error(), Err: err, Hint: "make room, or set TMPDIR to a directory that can be written to"}
	}
	defer os.Remove(answer.Name())
	defer answer.Close()
	cmd := exec.CommandContext(ctx, o.program.path, append([]string{"-G"}, args...)...)
	cmd.Env = o.environ()
	ownSession(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = statusGrace
	stderr := bounding(8 << 10)
	cmd.Stdout, cmd.Stderr = answer, stderr
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		if ctx.Err() != nil {
			return s, ended(ctx, PhaseConfig, "ssh -G did not come to its end")
		}
		return s, &Error{Phase: PhaseConfig, Reason: "ssh does not take its configuration" + cmp.Or(quoted(stderr.soFar()), ": "+excerptText(err.Error())), Err: err,
			Hint: "correct what it names; ssh -G " + quoteWord(h.Name) + " says the same"}
	}
	s.Name, s.KnownHosts = h.Name, o.opts.KnownHosts
	if _, err = answer.Seek(0, io.SeekStart); err == nil {
		lines := bufio.NewScanner(answer)
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), " ")
			s.take(key, value, o.opts.Home)
		}
		err = lines.Err()
	}
	if err != nil || s.Address == "" || s.Port == 0 || s.User == "" {
		return s, &Error{Phase: PhaseConfig, Reason: "ssh -G does not say where the host is, and as whom to log in", Err: err, Hint: "run it by hand: ssh -G " + quoteWord(h.Name)}
	}
	return s, nil
}

func (s *opensshSettings) take(key, value, home string) {
	switch key {
	case "hostname":
		s.Address = value
	case "port":
		s.Port, _ = strconv.Atoi(value)
	case "user":
		s.User = value
	case "hostkeyalias":
		s.HostKeyAlias = value
	case "stricthostkeychecking":
		if s.lax = value == "no" || value == "off" || value == "false"; s.lax {
			s.Warnings = append(s.Warnings, "StrictHostKeyChecking no is taken as accept-new: changed keys are refused")
		}
	case "controlpath":
		s.controlPath = value
	case "identityfile":
		if p, err := expandHome(value, home); err == nil {
			s.IdentityFiles = append(s.IdentityFiles, p)
		}
	case "userknownhostsfile":
		if len(s.KnownHosts) == 0 {
			s.KnownHosts = strings.Fields(value)
		}
	case "proxyjump":
		s.proxyJump, s.Jumps = value, jumpNames(value)
	}
}

// bounding is a writer that keeps so many bytes and throws the rest away.
func bounding(keep int) *boundedWriter { return &boundedWriter{newCapture(keep, 1<<40)} }

type boundedWriter struct{ *capture }

func (w *boundedWriter) Write(p []byte) (int, error) {
	w.take(p)
	return len(p), nil
}
