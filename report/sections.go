package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// How many lines a section has at most unless all were asked for.
const (
	maxCauses   = 10
	maxFindings = 20
	maxHidden   = 4
	// maxText bounds a text where the width does not: a host may send much.
	maxText = 2000
)

// item is one folded line of a section: how bad, which hosts, what, and below
// it notes and what to do.
type item struct {
	status probes.Status
	label  string
	hosts  string
	text   string
	names  []string // the hosts, where they do not fit in their column
	notes  []string
	remedy string // whole at any width: half a command is none
}

// printFindings prints what is wrong, folded over hosts.
func (t *table) printFindings(fleet Fleet) {
	items, left := t.findingItems(fleet)
	t.section("FINDINGS", items, maxFindings, "findings")
	for _, l := range left {
		t.paragraph("", l)
		t.out.WriteByte('\n')
	}
}

// findingItems are the findings, the worst first, and what is to be said of
// those that are left out.
func (t *table) findingItems(fleet Fleet) (items []item, left []string) {
	told := map[string]bool{}
	explained := 0
	for _, f := range t.folds.sorted() {
		if f.kind == foldFinding && !f.unexplained && !t.o.All {
			explained++
			continue
		}
		hosts := hostsText(f.Hosts(), len(f.Names))
		if f.kind != foldFinding || f.Status != probes.Fail || told[f.Remedy] {
			items = append(items, t.item(f, hosts))
			continue
		}
		told[f.Remedy] = true
		it := t.item(f, hosts)
		if f.Remedy != "" && f.Waived == nil {
			it.remedy = remedyNote(f, t.o.signs())
		}
		items = append(items, it)
	}
	for i := range fleet.Findings {
		f := &fleet.Findings[i]
		fold := Fold{Status: f.Status, Code: f.Code, Message: cmp.Or(f.Message, f.Code), Remedy: f.Remedy, Same: true, Waived: f.Waived}
		it := t.item(&fold, "fleet")
		if f.Remedy != "" && f.Waived == nil {
			it.remedy = remedyNote(&fold, t.o.signs())
		}
		items = append(items, it)
	}
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(b.status.Rank(), a.status.Rank()) })
	if explained > 0 {
		left = append(left, plural(explained, "more finding", "more findings")+" of hosts whose cause is named; --all shows everything")
	}
	if n := t.folds.lost; n > 0 {
		left = append(left, fmt.Sprintf("%d findings are not shown: there are more than %d different ones", n, maxFolds))
	}
	return items, left
}

// item is the line of a Fold.
func (t *table) item(f *Fold, hosts string) item {
	it := item{status: f.Status, label: string(f.Status), hosts: hosts, text: Escape(f.text())}
	switch f.kind {
	case foldFinding:
		it.text += " [" + Escape(f.Code) + "]"
	case foldPhase, foldCheck:
		if f.Remedy != "" {
			it.remedy = remedyNote(f, t.o.signs())
		}
	}
	if w := f.Waived; w != nil {
		it.status, it.label = probes.Skipped, "waived"
		it.remedy = ""
		it.notes = []string{Escape(fmt.Sprintf("until %s, %s: %s", w.Until, w.Owner, w.Reason))}
	}
	return it
}

// remedyNote says what to do, and on which host where it is not the same on
// all of them.
func remedyNote(f *Fold, s signs) string {
	where := ""
	if !f.Same {
		where = f.Names[0] + ": "
	}
	return s.arrow + " " + Escape(where+f.Remedy)
}

// hostsText is tm[003-017,022] (16); one host is its name alone.
func hostsText(names string, n int) string {
	if n == 1 {
		return Escape(names)
	}
	return Escape(names) + fmt.Sprintf(" (%d)", n)
}

// cutHosts cuts the names of hostsText and keeps the number.
func cutHosts(s string, n int, mark string) string {
	if n <= 0 || width(s) <= n {
		return s
	}
	if i := strings.LastIndex(s, " ("); i > 0 {
		return cutEnd(s[:i], n-width(s[i:]), mark) + s[i:]
	}
	return cutMiddle(s, n, mark)
}

// fitHosts makes the hosts of an item fit in n columns: many that do not are
// a number, and their names a note below, on two lines unless all is asked
// for.
func (t *table) fitHosts(it *item, indent, n int) {
	if width(it.hosts) <= n {
		return
	}
	mark := t.o.signs().ellipsis
	i := strings.LastIndex(it.hosts, " (")
	if i < 0 {
		it.hosts = cutMiddle(it.hosts, n, mark)
		return
	}
	room := t.noteRoom(indent)
	names := wrapAt(it.hosts[:i], ",", room)
	if !t.o.All {
		names = atMost(names, 2, room, mark)
	}
	it.names = names
	it.hosts = strings.Trim(it.hosts[i:], " ()") + " hosts"
}

// noteRoom is how many columns are left for a note.
func (t *table) noteRoom(indent int) int {
	if t.o.Width == 0 {
		return maxText
	}
	return max(16, t.o.Width-indent)
}

// section prints items below a title, in columns where the width allows.
func (t *table) section(title string, items []item, limit int, noun string) {
	if len(items) == 0 {
		return
	}
	left := 0
	if len(items) > limit && !t.o.All {
		left = len(items) - limit
		items = items[:limit]
	}
	room := maxText
	if t.o.Width > 0 {
		room = min(maxHost+12, t.o.Width/3)
	}
	label, hosts := 0, 0
	for i := range items {
		items[i].label = strings.ToUpper(items[i].label)
		label = max(label, width(items[i].label))
	}
	for i := range items {
		t.fitHosts(&items[i], label+2, room)
		hosts = max(hosts, width(items[i].hosts))
	}
	if t.o.Width == 0 {
		hosts = min(hosts, maxHost+12) // one long list does not push the others away
	}
	t.out.WriteString(t.o.bold(title) + "\n")
	for i := range items {
		t.printItem(&items[i], label, hosts)
	}
	if left > 0 {
		fmt.Fprintf(&t.out, "and %d more %s; --all shows them\n", left, noun)
	}
	t.out.WriteByte('\n')
}

// printItem prints one item: in one block beside its hosts, or below them
// where the terminal is narrow.
func (t *table) printItem(it *item, label, hosts int) {
	title := t.o.paint(it.status, pad(it.label, label)) + "  "
	indent := strings.Repeat(" ", label+2)
	text := cutEnd(it.text, maxText, t.o.signs().ellipsis)
	if t.narrow() {
		t.out.WriteString(title + it.hosts + "\n")
		t.paragraph(indent, text)
	} else {
		t.hanging(title+pad(it.hosts, hosts)+"  ", label+hosts+4, text)
	}
	for _, n := range it.names {
		t.out.WriteString(indent + n + "\n")
	}
	for _, n := range it.notes {
		t.printNotes(indent, noteLines(t.narrow()), []string{cutEnd(n, maxText, "...")})
	}
	if it.remedy != "" {
		t.printNotes(indent, 0, []string{cutEnd(it.remedy, maxText, "...")})
	}
}

// noteLines is how many lines a note takes at most.
func noteLines(narrow bool) int {
	if narrow {
		return 6
	}
	return 3
}

// hanging prints text behind a title that takes n columns, further lines
// below the first.
func (t *table) hanging(title string, n int, text string) {
	room := 0
	if t.o.Width > 0 {
		room = max(16, t.o.Width-n)
	}
	for i, l := range wrap(text, room) {
		if i > 0 {
			title = strings.Repeat(" ", n)
		}
		t.out.WriteString(title + l + "\n")
	}
}

// printUnseen prints what could not be read, a line a reason.
func (t *table) printUnseen() {
	list := t.not.sorted()
	if len(list) == 0 {
		return
	}
	t.out.WriteString(t.o.bold("NOT SEEN") + "\n")
	left := 0
	if len(list) > maxHidden && !t.o.All {
		left = len(list) - maxHidden + t.not.lost
		list = list[:maxHidden]
	}
	for _, w := range list {
		where := fmt.Sprintf("%d hosts", w.hosts)
		if w.hosts == 1 {
			where = w.first
		}
		text := fmt.Sprintf("%s on %s: %s", w.text(), where, w.why)
		if needsSudo(w.why) && !strings.Contains(w.why, "sudo") {
			text += "; run with --sudo"
		}
		// Indented, as all text of hosts is: no line of ours can be forged.
		t.paragraph("  ", cutEnd(Escape(text), maxText, t.o.signs().ellipsis))
	}
	if left > 0 {
		fmt.Fprintf(&t.out, "and %d more reasons; --all shows them\n", left)
	}
	t.out.WriteByte('\n')
}
