package fix

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// DiffOptions say how diffs look.
type DiffOptions struct {
	// Fold writes names of hosts briefly: tm[001-016]. Nil lists them.
	Fold func(names []string) string
	// Escape makes text from hosts safe for the terminal. Nil escapes all that
	// is not ASCII that prints.
	Escape func(string) string
	// Colour marks added and removed lines.
	Colour bool
	// Wrap breaks a long line of ours; the further lines begin with indent. Nil
	// leaves lines as long as they are. Lines of files are never broken.
	Wrap func(line, indent string) string
}

// WriteDiffs writes what plans change as unified diffs and live values, those
// that are alike once for all their hosts. Text from hosts is escaped for a terminal.
//
// Hosts are alike if every byte of every file is, before and after: the same
// edit in files that differ elsewhere is shown twice, because who confirms it
// confirms the whole file. What is said beside the changes (notes, refusals)
// may differ among them and names its hosts then.
func WriteDiffs(w io.Writer, plans []*Plan, o DiffOptions) error {
	if o.Fold == nil {
		o.Fold = func(names []string) string { return strings.Join(names, ",") }
	}
	if o.Escape == nil {
		o.Escape = escape
	}
	if o.Wrap == nil {
		o.Wrap = func(line, _ string) string { return line }
	}
	d := &differ{DiffOptions: o}
	isIdle := func(p *Plan) bool { return p.IsEmpty() && len(p.Notes)+len(p.Refused) == 0 }
	busy := slices.DeleteFunc(slices.Clone(plans), isIdle)
	for _, g := range alike(busy) {
		if err := d.group(g); err != nil {
			return err
		}
	}
	d.advice(plans)
	if len(busy) < len(plans) {
		idle := slices.DeleteFunc(slices.Clone(plans), func(p *Plan) bool { return !isIdle(p) })
		d.section("nothing to fix: " + d.hosts(names(idle)))
	}
	_, err := w.Write(d.out.Bytes())
	return err
}

// differ writes diffs.
type differ struct {
	DiffOptions
	out bytes.Buffer
}

func (d *differ) line(s string) { d.out.WriteString(s + "\n") }

// linef writes a line; text from hosts among args must be escaped already.
func (d *differ) linef(format string, args ...any) { d.line(fmt.Sprintf(format, args...)) }

// wrapf writes a line that may be broken.
func (d *differ) wrapf(format string, args ...any) {
	d.line(d.Wrap(fmt.Sprintf(format, args...), "    "))
}

// section writes the first line of a section.
func (d *differ) section(s string) {
	if d.out.Len() > 0 {
		d.line("")
	}
	d.line(s)
}

// shown is text from a host in one line.
func (d *differ) shown(s string) string { return d.Escape(s) }

// hosts is "tm[001-016] (16 hosts)".
func (d *differ) hosts(names []string) string {
	if len(names) == 1 {
		return d.shown(d.Fold(names))
	}
	return fmt.Sprintf("%s (%d hosts)", d.shown(d.Fold(names)), len(names))
}

// alike groups plans that change the same in the same way, in the order of
// their first hosts.
func alike(plans []*Plan) [][]*Plan {
	place := map[string]int{}
	var groups [][]*Plan
	for _, p := range plans {
		key := changeKey(p)
		i, known := place[key]
		if !known {
			i = len(groups)
			place[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// changeKey is the same for plans that change the same. Which process it is
// has no part in it: a pid is a host's own.
func changeKey(p *Plan) string {
	var b strings.Builder
	for _, f := range p.Files {
		fmt.Fprintf(&b, "%q %t %x %x %s %s %t %q %q\n", f.Path, f.Absent, f.Before, f.After, f.Mode, f.Owner, f.MakeDir, f.Why, f.Managed)
	}
	for _, l := range liveLines(p.Live) {
		fmt.Fprintf(&b, "%q\n", l)
	}
	fmt.Fprintf(&b, "%t %q", p.Reload, p.Restart)
	return b.String()
}

// names are the hosts of plans.
func names(plans []*Plan) []string {
	var names []string
	for _, p := range plans {
		names = append(names, p.Host)
	}
	return names
}

// group writes the plans of hosts that are alike.
func (d *differ) group(g []*Plan) error {
	d.section(d.hosts(names(g)))
	p := g[0]
	for i := range p.Files {
		if err := d.file(&p.Files[i]); err != nil {
			return err
		}
	}
	for _, l := range liveLines(p.Live) {
		d.linef("~ %s", d.shown(l))
	}
	if p.Reload {
		d.line("~ systemd reads its units again (daemon-reload)")
	}
	for _, unit := range p.Restart {
		d.linef("~ restart of %s", d.shown(unit))
	}
	d.beside(g)
	return nil
}

// liveLines are live values, those of processes counted and not named.
func liveLines(live []LiveChange) []string {
	var lines []string
	count := map[string]int{}
	for _, l := range live {
		s := fmt.Sprintf("%s (now) %s -> %s", l.Setting, l.Before, l.After)
		if l.Kind == LiveProcess {
			s = fmt.Sprintf("%s of a running TaskManager (now, gone at its next start) %s -> %s", l.Setting, l.Before, l.After)
		}
		if count[s]++; count[s] == 1 {
			lines = append(lines, s)
		}
	}
	for i, s := range lines {
		if n := count[s]; n > 1 {
			lines[i] = fmt.Sprintf("%s, %d times", s, n)
		}
	}
	return lines
}

// beside writes notes and refusals of hosts that are alike, each once.
func (d *differ) beside(g []*Plan) {
	notes, refused := newFold[string](), newFold[Refusal]()
	for _, p := range g {
		for _, n := range p.Notes {
			notes.add(n, p.Host)
		}
		for _, r := range p.Refused {
			refused.add(r, p.Host)
		}
	}
	only := func(names []string) string {
		if len(names) == len(g) {
			return ""
		}
		return "  [" + d.hosts(names) + "]"
	}
	for _, n := range notes.keys {
		d.wrapf("note: %s%s", d.shown(n), only(notes.names[n]))
	}
	for _, r := range refused.keys {
		d.wrapf("refused: %s: %s%s", d.shown(about(r.Setting, r.Subject)), d.shown(r.Reason), only(refused.names[r]))
		d.indented("instead: ", r.Instead)
	}
}

// indented writes text of several lines, as a remedy or a change in the words
// of another tool may be.
func (d *differ) indented(head, text string) {
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case line == "":
		case i == 0:
			d.line(d.Wrap("  "+head+d.shown(line), "      "))
		default:
			d.line(d.Wrap(fmt.Sprintf("  %*s%s", len(head), "", d.shown(line)), "      "))
		}
	}
}

// about is a setting and whose it is.
func about(setting, subject string) string {
	if subject == "" || subject == setting {
		return setting
	}
	return setting + " of " + subject
}

// advice writes what stays with a person, folded over hosts.
func (d *differ) advice(plans []*Plan) {
	f, first := newFold[Advice](), map[Advice]Advice{}
	for _, p := range plans {
		for _, a := range p.Advice {
			key := Advice{Code: a.Code, Message: AnyPID(a.Subject, a.Message), Remedy: AnyPID(a.Subject, a.Remedy)}
			if _, known := first[key]; !known {
				first[key] = a
			}
			f.add(key, p.Host)
		}
	}
	last := ""
	for i, a := range f.keys {
		if i == 0 {
			d.section("not changed by fix:")
		}
		hosts := f.names[a]
		if len(hosts) == 1 { // its own words, with its pid
			a = first[a]
		}
		d.wrapf("  %s  %s  [%s]", d.shown(a.Code), d.shown(a.Message), d.hosts(hosts))
		if a.Remedy == last && last != "" {
			a.Remedy = "the same"
		} else {
			last = a.Remedy
		}
		d.indented("  remedy: ", a.Remedy)
	}
}

// AnyPID is text about a subject "pid N" as it may stand for any process: a pid
// is a host's own.
func AnyPID(subject, text string) string {
	pid, ok := strings.CutPrefix(subject, "pid ")
	if !ok || pid == "" {
		return text
	}
	for _, before := range []string{"--pid ", "pid "} {
		text = strings.ReplaceAll(text, before+pid+" ", before+"PID ")
	}
	return text
}

// folded gathers the hosts of things that are equal, in order of arrival.
type folded[K comparable] struct {
	keys  []K
	names map[K][]string
}

func newFold[K comparable]() *folded[K] { return &folded[K]{names: map[K][]string{}} }

func (f *folded[K]) add(k K, name string) {
	if f.names[k] == nil {
		f.keys = append(f.keys, k)
	}
	if n := f.names[k]; len(n) == 0 || n[len(n)-1] != name { // a host may say a thing twice
		f.names[k] = append(n, name)
	}
}
