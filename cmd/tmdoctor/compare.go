package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/report"
)

// compared says of each change of a run of fix if it holds on the hosts of an
// audit.
type compared struct {
	saved *repair.SavedRun
	asked time.Time // when the audit began
	// partly is true if the audit was of some hosts on purpose: the others are
	// not missed.
	partly bool

	rows                *folding
	held, lost, unknown int // changes
	seen                map[string]bool
	rebooted            *folding
}

// newCompared begins a comparison.
func newCompared(saved *repair.SavedRun, asked time.Time, partly bool) *compared {
	return &compared{saved: saved, asked: asked, partly: partly, rows: newFolding(), rebooted: newFolding(), seen: map[string]bool{}}
}

// Whether something holds, in the order in which it is shown.
const (
	notHeld   = "NOT HELD"
	heldDoubt = "UNKNOWN"
	heldYes   = "HELD"
)

// add takes in a host. Hosts that the run did not change for good are not its
// business.
func (c *compared) add(h *report.Host) {
	if c.saved.Hosts[h.Name] != repair.Kept {
		return
	}
	c.seen[h.Name] = true
	c.rebooted.add(c.sinceReboot(h), h.Name)
	for _, held := range c.saved.Compare(h) {
		e := held.Expect
		verdict, now := heldYes, "now "+held.Now
		switch {
		case held.Held:
			c.held++
		case !held.Known:
			verdict, now = heldDoubt, held.Now
			c.unknown++
		default:
			verdict = notHeld
			c.lost++
		}
		what := strings.TrimSpace(e.Setting + " " + withoutPID(e.Subject))
		text := fmt.Sprintf("%s (%s): %s, want at least %s", what, e.Horizon, now, e.AtLeast)
		if held.Where != "" {
			text += "; decided by " + held.Where
		}
		c.rows.add(verdict+"\x00"+text, h.Name)
	}
}

// sinceReboot says whether a host was booted after the run: by how long it is
// up, so that its clock need not be right.
func (c *compared) sinceReboot(h *report.Host) string {
	if h.Facts == nil {
		return "not known if rebooted since"
	}
	up, known := h.Facts.Host.Uptime.Get()
	if root, _ := h.Facts.Session.Root.Get(); !known || root != "" {
		return "not known if rebooted since"
	}
	changed := c.saved.Began
	for _, r := range c.saved.Records {
		if r.Host == h.Name && r.Time.After(changed) {
			changed = r.Time
		}
	}
	if c.asked.Add(-time.Duration(up) * time.Second).After(changed) {
		return "rebooted since"
	}
	return "not rebooted since: running and live say nothing of a reboot yet"
}

// missing are hosts that the run changed and nobody asked now.
func (c *compared) missing() []string {
	return slices.DeleteFunc(inStates(c.saved, repair.Kept), func(n string) bool { return c.seen[n] })
}

// write writes the section.
func (c *compared) write(w io.Writer, width int) error {
	rank := func(key string) int {
		verdict, _, _ := strings.Cut(key, "\x00")
		return slices.Index([]string{notHeld, heldDoubt, heldYes}, verdict)
	}
	c.rows.byRank(rank)
	total := c.held + c.lost + c.unknown
	if total == 0 && len(c.missing()) == 0 {
		_, err := fmt.Fprintf(w, "\n%s\n", wrappedTo(width, fmt.Sprintf("CHANGES of run %s: none is left on a host (%s)", c.saved.Run, hostsOfRun(c.saved)), "  "))
		return err
	}
	fmt.Fprintf(w, "\n%s\n", wrappedTo(width, fmt.Sprintf("CHANGES of run %s: %d of %d held, %d not held, %d not known", c.saved.Run, c.held, total, c.lost, c.unknown), "  "))
	for _, key := range c.rows.keys {
		verdict, text, _ := strings.Cut(key, "\x00")
		fmt.Fprintln(w, wrappedTo(width, fmt.Sprintf("%-8s  %s  %s", verdict, c.rows.hosts(key), report.Escape(text)), "          "))
	}
	for _, key := range c.rebooted.keys {
		fmt.Fprintln(w, wrappedTo(width, c.rebooted.hosts(key)+": "+key, "  "))
	}
	if m := c.missing(); len(m) > 0 {
		fmt.Fprintln(w, wrappedTo(width, "not asked: "+hostsText(m), "  "))
	}
	return nil
}

// status is the exit status of the comparison alone.
func (c *compared) status(failOn report.FailOn) int {
	s := report.Summary{Fail: c.lost, Unknown: c.unknown}
	if m := c.missing(); len(m) > 0 && !c.partly {
		s.Unknown += len(m)
	}
	return report.ExitStatus(s, report.Fleet{}, false, failOn)
}

// worseVerdict is the worse of two exit statuses: 2, then 3, then 1, then 0.
func worseVerdict(a, b int) int {
	rank := []int{0, 1, 3, 2}
	if slices.Index(rank, a) < slices.Index(rank, b) {
		return b
	}
	return a
}

// afterCompare ends check --compare: the section below the table, or on
// standard error where standard output has no table, and the worse status of
// both. finished is what the report itself ended with.
func (f *checkFlags) afterCompare(u *ui, c *compared, finished error) error {
	own := 0
	if v, ok := finished.(verdict); ok {
		own = int(v)
	} else if finished != nil {
		return finished
	}
	failOn, err := report.ParseFailOn(f.failOn)
	if err != nil {
		return err
	}
	status := worseVerdict(own, c.status(failOn))
	if !f.quiet || status != 0 {
		w := u.stdout
		if stdout := f.onStdout(); stdout != "table" {
			w = u.stderr
		}
		if err := c.write(w, u.width()); err != nil {
			return err
		}
	}
	if status != 0 {
		return verdict(status)
	}
	return nil
}

// onStdout is the format that goes to standard output, "" for none.
func (f *outputFlags) onStdout() string {
	for _, o := range f.outputs {
		if !strings.Contains(o, "=") {
			return o
		}
	}
	if len(f.outputs) == 0 {
		return "table"
	}
	return ""
}
