package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// verify looks at a changed host over a new connection, which shows that the
// operator can still log in. It gives that connection, nil if there is none,
// and what is wrong, "" if nothing is.
func (w *worker) verify(ctx context.Context, answer *fix.Answer) (second remote.Conn, wrong string) {
	w.tell(StepVerify)
	if err := w.record(Record{Event: EventVerify, Host: w.p.Host.Name}); err != nil {
		return nil, err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, w.verifyTime())
	defer cancel()
	second, err := w.connect(ctx, w.p.Host)
	if err != nil {
		return nil, "a new login does not work: " + err.Error()
	}
	return second, w.inspected(ctx, second, answer)
}

// inspected is what is wrong with a changed host, seen over a new connection.
// answer is what its program said, nil if that is not known any more.
func (w *worker) inspected(ctx context.Context, second remote.Conn, answer *fix.Answer) (wrong string) {
	after, err := w.audit(ctx, second, w.p.Host, w.p.Index)
	if err != nil {
		return "a new session does not work: " + err.Error()
	}
	w.done.After = after
	s, err := w.inspect(ctx, second, w.query())
	if err != nil {
		return "root cannot look at it any more: " + err.Error()
	}
	v := verification{Planned: w.p, accept: w.Options.AcceptUnverified, after: after, s: s}
	v.values()
	v.files()
	v.live(answer)
	v.logins()
	v.units()
	v.statuses()
	w.done.Logins = v.loggedIn
	return strings.Join(v.wrong, "; ")
}

// query is what is read of a host to verify its plan: what was read to make
// it, each file it changes, and the traces of the run.
func (w *worker) query() fix.Query {
	q := w.p.Plan.Query
	q.Run, q.Paths = w.run, slices.Clone(q.Paths)
	for _, f := range w.p.Plan.Files {
		if !slices.Contains(q.Paths, f.Path) {
			q.Paths = append(q.Paths, f.Path)
		}
	}
	q.Sysctls, q.PIDs = slices.Clone(q.Sysctls), slices.Clone(q.PIDs)
	for _, l := range w.p.Plan.Live {
		switch {
		case l.Kind == fix.LiveSysctl && !slices.Contains(q.Sysctls, l.Setting):
			q.Sysctls = append(q.Sysctls, l.Setting)
		case l.Kind == fix.LiveProcess && !slices.Contains(q.PIDs, l.PID):
			q.PIDs = append(q.PIDs, l.PID)
		}
	}
	return q
}

// verification holds a plan against what its host shows afterwards.
type verification struct {
	*Planned
	accept bool // Options.AcceptUnverified
	after  *report.Host
	s      *fix.Snapshot

	loggedIn []string
	wrong    []string
}

func (v *verification) fail(format string, args ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

// values are what the plan promised, judged as check judges.
func (v *verification) values() {
	for _, e := range v.Plan.Expect {
		if ok, now, where := e.Holds(v.after.Checks); !ok {
			v.fail("%s is %s, want at least %s%s", strings.TrimSpace(e.Setting+" "+string(e.Horizon)+" "+e.Subject), now, e.AtLeast, from(where))
		}
	}
}

func from(where string) string {
	if where == "" {
		return ""
	}
	return " (" + where + ")"
}

// files are as the plan has them, byte for byte.
func (v *verification) files() {
	for _, f := range v.Plan.Files {
		if now := fileNow(v.s, f.Path); now != f.AfterSHA256 {
			v.fail("%s is not what was written", f.Path)
		}
		for _, now := range v.s.Files {
			if now.Path == f.Path && (now.Mode != f.Mode || now.Owner != f.Owner) {
				v.fail("%s has mode %.8q and owner %.32q, want %s and %s", f.Path, now.Mode, now.Owner, f.Mode, f.Owner)
			}
		}
	}
}

// fileNow is the hash of a regular file of a snapshot, "" where the host says
// that it is absent, and else words that are no hash.
func fileNow(s *fix.Snapshot, path string) string {
	for _, f := range s.Files {
		if f.Path != path {
			continue
		}
		switch f.Kind {
		case probes.FileRegular:
			return f.SHA256
		case probes.FileAbsent:
			return ""
		}
		return string(f.Kind)
	}
	return "not read"
}

// live are the values of the kernel and of processes as they are now.
func (v *verification) live(answer *fix.Answer) {
	var told []fix.LiveResult
	if answer != nil {
		told = answer.Live
	}
	for _, l := range told {
		if l.Reason != "" {
			v.fail("%s: %s", liveName(l.LiveChange), l.Reason)
		}
	}
	for _, l := range v.Plan.Live {
		now, gone := liveNow(v.s, l)
		if gone && len(v.Plan.Restart) > 0 {
			continue // it was restarted as planned, and its new limits are expected values
		}
		if !reaches(now, l.After) {
			v.fail("%s is %s, want %s", liveName(l), now, l.After)
		}
	}
}

func liveName(l fix.LiveChange) string {
	if l.Kind == fix.LiveProcess {
		return fmt.Sprintf("%s of pid %d", l.Setting, l.PID)
	}
	return l.Setting
}

// liveNow is a live value in a snapshot, or in words why there is none; gone if
// its process is.
func liveNow(s *fix.Snapshot, l fix.LiveChange) (now string, gone bool) {
	if l.Kind == fix.LiveSysctl {
		value, known := s.Sysctls[l.Setting].Get()
		if !known {
			return "not known", false
		}
		return strings.TrimSpace(value), false
	}
	for _, p := range s.Processes {
		if p.PID != l.PID {
			continue
		}
		if p.Gone || p.Started != l.Started {
			return "gone", true
		}
		if pair, ok := p.Limits[l.Setting]; ok {
			return pair, false
		}
	}
	return "not known", false
}

// reaches reports whether a value, or each half of SOFT:HARD, is at least
// want. What is no limit does not reach anything.
func reaches(now, want string) bool {
	nows, wants := strings.Split(now, ":"), strings.Split(want, ":")
	for i, n := range nows {
		have, err1 := probes.ParseLimit(n)
		least, err2 := probes.ParseLimit(wants[min(i, len(wants)-1)])
		if err1 != nil || err2 != nil || have < least {
			return false
		}
	}
	return len(nows) >= len(wants)
}

// logins are the sessions of the operator, whom the connection shows, and of
// the users of TaskManagers.
func (v *verification) logins() {
	me := v.after.User
	if !v.Host.Local {
		v.loggedIn = append(v.loggedIn, strings.TrimSpace(me+" by ssh"))
	}
	for _, user := range v.Plan.Query.Users {
		s := sessionOf(v.s, user)
		switch {
		case s.Failed == "":
			v.loggedIn = append(v.loggedIn, fmt.Sprintf("%s by %s (PAM service %s)", user, s.By, s.By))
			v.session(s)
		case user == me:
			// ssh has shown that it can, and the audit what its session gets.
		case v.accept && v.opened != nil && !v.opened[user]:
			v.loggedIn = append(v.loggedIn, fmt.Sprintf("%s not tried: %s", user, s.Failed))
		default:
			v.fail("no session of %s opens: %s", user, s.Failed)
		}
	}
}

func sessionOf(s *fix.Snapshot, user string) fix.Session {
	for _, one := range s.Sessions {
		if one.User == user {
			return one
		}
	}
	return fix.Session{User: user, Failed: "the host does not say"}
}

// session holds the limits of a new session against those that the plan gives
// its user.
func (v *verification) session(s fix.Session) {
	for _, e := range v.Plan.Expect {
		if e.Horizon != probes.Live || e.Subject != "user "+s.User {
			continue
		}
		now, ok := s.Limits[e.Setting]
		switch {
		case ok && gives(e, now):
		case !ok:
			v.fail("a new session of %s by %s does not say what its %s is", s.User, s.By, e.Setting)
		case v.accept:
			v.loggedIn = append(v.loggedIn, fmt.Sprintf("%s by %s has %s %s, want %s", s.User, s.By, e.Setting, now, e.AtLeast))
		default:
			v.fail("a new session of %s by %s has %s %s, want %s", s.User, s.By, e.Setting, now, e.AtLeast)
		}
	}
}

// gives reports whether a value, were it what the host has, would be what is
// expected.
func gives(e fix.Expect, now string) bool {
	row := probes.Standing{Setting: e.Setting, Subject: e.Subject, Live: probes.HorizonValue{Value: now}}
	ok, _, _ := e.Holds([]probes.Check{{Horizons: []probes.Standing{row}}})
	return ok
}

// units run, and systemd has read what was written.
func (v *verification) units() {
	for _, name := range v.Plan.Query.Units {
		restarted := slices.Contains(v.Plan.Restart, name)
		if !restarted && !v.Plan.Reload {
			continue
		}
		switch u := unitOf(v.s, name); {
		case u.Unknown != "":
			v.fail("%s: %s", name, u.Unknown)
		case !u.Reloaded:
			v.fail("systemd has not read %s again", name)
		case restarted && u.Active != "active":
			v.fail("%s is %s (%s) after its restart", name, u.Active, u.Sub)
		}
	}
}

func unitOf(s *fix.Snapshot, name string) fix.UnitState {
	for _, one := range s.Units {
		if one.Unit == name {
			return one
		}
	}
	return fix.UnitState{Unit: name, Unknown: "the host does not say"}
}
