package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// printSummary prints the one line that stays on the screen: how many hosts
// are what, and how long it took. It reassures only if all was looked at.
func (t *table) printSummary(fleet Fleet, s Summary) {
	if n := t.run.Selected - s.Hosts; n > 0 {
		fmt.Fprintf(&t.out, "%s\n", t.o.paint(probes.StatusUnknown,
			plural(n, "host was never reached: nothing is known about it", "hosts were never reached: nothing is known about them")))
	}
	end := "; " + t.took(s)
	healthy := s.Hosts > 0 && s.OK == s.Hosts && s.Hosts >= t.run.Selected && s.Finished != nil
	if healthy && worstOf(s, fleet) == 0 {
		word := "all ok"
		if s.Hosts == 1 {
			word = "ok"
		}
		t.paragraph("", t.o.count(s.Hosts, probes.OK, t.hosts(s)+": "+word)+end)
		t.paragraph("", t.reassurance())
		return
	}
	counts := []string{
		t.o.count(s.OK, probes.OK, fmt.Sprintf("%d ok", s.OK)),
		t.o.count(s.Warn, probes.Warn, fmt.Sprintf("%d warn", s.Warn)),
		t.o.count(s.Fail, probes.Fail, fmt.Sprintf("%d fail", s.Fail)),
		t.o.count(s.Unknown, probes.StatusUnknown, fmt.Sprintf("%d unknown", s.Unknown)),
	}
	t.paragraph("", t.hosts(s)+": "+strings.Join(counts, ", ")+end)
}

// hosts is how many hosts were looked at, and at which horizon if it was one.
func (t *table) hosts(s Summary) string {
	n := plural(s.Hosts, "host", "hosts")
	if h := t.run.Horizon; h != "" {
		n += " at the horizon " + Escape(string(h))
	}
	return n
}

// count colours a number that is not zero.
func (o Options) count(n int, s probes.Status, text string) string {
	if n == 0 {
		return text
	}
	return o.paint(s, text)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// took says how long the run was, or that it did not come to its end.
func (t *table) took(s Summary) string {
	if s.Finished == nil {
		return t.o.paint(probes.StatusUnknown, "cut short")
	}
	if t.run.Started.IsZero() || s.Finished.Before(t.run.Started) {
		return "finished"
	}
	d := s.Finished.Sub(t.run.Started)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("finished in %.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("finished in %.0f s", d.Seconds())
	default:
		return fmt.Sprintf("finished in %d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
}

// printNext prints the next commands to type, what mends most first.
func (t *table) printNext(s Summary) {
	next := t.next(s)
	if len(next) == 0 {
		return
	}
	t.out.WriteByte('\n')
	room, at := maxText, 0
	if t.o.Width > 0 {
		room = t.o.Width - len("next:  ")
	}
	for _, n := range next {
		at = max(at, width(n.command))
	}
	if slices.ContainsFunc(next, func(n step) bool { return at+2+width(n.why) > room }) {
		at = 0 // no column: each reason behind its command
	}
	for i, n := range next {
		title := "next:  "
		if i > 0 {
			title = "       "
		}
		// A command is never cut or wrapped: it is there to be copied.
		line := title + pad(n.command, at)
		if width(n.command)+2+width(n.why) <= room {
			line += "  " + n.why
		}
		t.out.WriteString(line + "\n")
	}
}

type step struct{ command, why string }

// next chooses the commands: explain what is worst, then what would show
// more. It names only hosts and names that tmdoctor itself gave.
func (t *table) next(s Summary) []step {
	command := Escape(t.o.Command)
	if command == "" {
		command = "tmdoctor check"
	}
	program, _, checks := strings.Cut(command, " check")
	if !checks {
		program = "tmdoctor"
	}
	var steps []step
	if word := t.worstWord(s); word != "" {
		steps = append(steps, step{program + " explain " + Escape(ShellWord(word)), "what it means, how to mend it"})
	}
	if host, setting := t.limits.doubtful(); host != "" && t.o.Why != nil {
		steps = append(steps, step{Escape(t.o.Why(host, setting)), "what sets it at boot"})
	}
	if !checks || strings.Contains(command, " --from") {
		return steps
	}
	if t.newKeys && !strings.Contains(command, "--accept-new") {
		steps = append(steps, step{command + " --accept-new", "record the unknown host keys"})
	}
	if t.lost && t.o.Hosts != "" {
		steps = append(steps, step{Escape(t.o.Hosts), "how each host is reached"})
	}
	if t.wantsSudo() && !strings.Contains(command, "--sudo") && !strings.Contains(command, " --root") {
		steps = append(steps, step{command + " --sudo", "see what is not visible now"})
	}
	return steps
}

// wantsSudo says whether something was not seen that --sudo would show.
func (t *table) wantsSudo() bool {
	for _, w := range t.not.list {
		if needsSudo(w.why) {
			return true
		}
	}
	for _, f := range t.folds.list {
		if f.kind == foldCheck && needsSudo(f.Message) {
			return true
		}
	}
	return false
}

// worstWord is what to explain: the first cause that is shown well, else the
// worst finding or the probe that is unknown.
func (t *table) worstWord(s Summary) string {
	for _, c := range s.Causes {
		if strength(c.Confidence) >= strength(probes.Likely) {
			return c.Cause
		}
	}
	for _, f := range t.folds.sorted() {
		if (f.kind == foldFinding || f.kind == foldCheck) && f.Waived == nil {
			return f.Code
		}
	}
	return ""
}
