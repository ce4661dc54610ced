package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of md, so that what a fleet sends fits a comment on GitHub (65,536
// characters); --all lifts those of the table.
const (
	mdText  = 500 // of one text
	mdNames = 200 // of the names of hosts
)

// markdown is the report for a ticket, a pull request or a chat, in GitHub
// flavoured Markdown: what the table says, with the same rows, folds and words.
// Limits, what was not seen and the commands to type next are for a terminal.
type markdown struct{ *table }

func newMarkdown(w io.Writer, o Options) Format {
	o.Width, o.Color, o.By = 0, false, "host"
	return markdown{newTable(w, o).(*table)}
}

// End prints the report.
func (m markdown) End(fleet Fleet, s Summary) error {
	limit := screenRows
	if m.o.All {
		limit = 0
	}
	m.trim(limit)
	m.printCounts(fleet, s)
	m.printGrid()
	m.list("Causes", m.causeItems(s), maxCauses, "causes")
	items, left := m.findingItems(fleet)
	m.list("Findings", items, maxFindings, "findings")
	for _, l := range left {
		m.out.WriteString(markdownText(l) + "\n\n")
	}
	if m.cluster != nil {
		m.out.WriteString("### Flink\n\n" + markdownText(Escape(m.cluster.URL)+m.cluster.headline()) + "\n\n")
		m.list("Jobs", m.jobItems(), maxJobs, "jobs")
		m.list("Failures elsewhere", m.elsewhereItems(), maxJobs, "failures")
	}
	fmt.Fprintf(&m.out, "<sub>tmdoctor %s, run %s</sub>\n", markdownText(Escape(m.run.Version)), markdownText(Escape(m.run.ID)))
	_, err := m.w.Write(bytes.TrimLeft(m.out.Bytes(), "\n"))
	return err
}

// printCounts prints the line of counts that the table ends with as a heading.
func (m markdown) printCounts(fleet Fleet, s Summary) {
	one := *m.table
	one.out = bytes.Buffer{}
	one.printSummary(fleet, s)
	lines := strings.Split(strings.TrimSpace(one.out.String()), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, one.hosts(s)+": ") })
	at = max(at, 0)
	m.out.WriteString("## tmdoctor: " + markdownText(lines[at]) + "\n\n")
	for _, l := range slices.Delete(lines, at, at+1) {
		m.out.WriteString(markdownText(l) + "\n\n")
	}
}

// printGrid prints the hosts that are not ok, and the probes that say so.
func (m markdown) printGrid() {
	if len(m.rows) == 0 {
		return
	}
	fits, _ := m.fitting(nil, nil)
	head := []string{"host", "status", "cause"}
	for _, c := range fits {
		head = append(head, Escape(m.columns[c]))
	}
	m.printRow(head)
	m.out.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, r := range m.rows {
		cells := []string{r.name, string(r.status), r.cause}
		for _, c := range fits {
			cells = append(cells, r.cell(c).text)
		}
		m.printRow(cells)
	}
	m.out.WriteByte('\n')
	if m.left > 0 {
		fmt.Fprintf(&m.out, "and %d more; --all shows every host\n\n", m.left)
	}
}

func (m markdown) printRow(cells []string) {
	for _, c := range cells {
		m.out.WriteString("| " + markdownText(cutMiddle(c, 60, "...")) + " ")
	}
	m.out.WriteString("|\n")
}

// list prints items below a heading: how bad, which hosts, what; below each
// its notes and what to do.
func (m markdown) list(title string, items []item, limit int, noun string) {
	if len(items) == 0 {
		return
	}
	left := 0
	if len(items) > limit && !m.o.All {
		left = len(items) - limit
		items = items[:limit]
	}
	m.out.WriteString("### " + title + "\n\n")
	for i := range items {
		it := &items[i]
		hosts := it.hosts
		if !m.o.All {
			hosts = cutHosts(hosts, mdNames, "...")
		}
		fmt.Fprintf(&m.out, "- **%s** %s: %s\n", markdownText(strings.ToUpper(it.label)), markdownText(hosts), markdownText(cutEnd(it.text, mdText, "...")))
		for _, n := range it.notes {
			m.out.WriteString("  - " + markdownText(cutEnd(n, mdText, "...")) + "\n")
		}
		if it.remedy != "" {
			remedy := strings.TrimPrefix(it.remedy, m.o.signs().arrow+" ")
			m.out.WriteString("  - remedy: " + codeSpan(cutEnd(remedy, maxText, "...")) + "\n")
		}
	}
	m.out.WriteByte('\n')
	if left > 0 {
		fmt.Fprintf(&m.out, "and %d more %s; --all shows them\n\n", left, noun)
	}
}

// markdownText is text, which has been through [Escape], as Markdown that shows
// exactly it: no markup, no HTML, no cell or list that it did not begin, no
// link, and nobody and no issue that is told of it. An @ or # in a code span
// notifies nobody; elsewhere a backslash before it would not help, since GitHub
// looks for them in what was rendered.
func markdownText(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '@' || r == '#':
			b.WriteString("`" + string(r) + "`")
		case strings.ContainsRune("\\`*[|~$", r),
			r == '_' && !insideWord(s, i),
			i == 0 && s != "-" && strings.ContainsRune("-+=", r), // a list, a heading
			(r == ':' || r == '.') && linkSign(s, i):
			b.WriteString("\\" + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// insideWord says whether an underscore is between letters or digits, where it
// is no markup.
func insideWord(s string, i int) bool {
	word := func(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }
	return i > 0 && i+1 < len(s) && word(s[i-1]) && word(s[i+1])
}

// linkSign says whether the sign at i makes a link or a list of what is before
// it: http://, www., 1.
func linkSign(s string, i int) bool {
	before, after := strings.ToLower(s[:i]), s[i+1:]
	if s[i] == ':' {
		return strings.HasPrefix(after, "//") || strings.HasSuffix(before, "mailto") || strings.HasSuffix(before, "xmpp")
	}
	number := before != "" && strings.Trim(before, "0123456789") == ""
	return strings.HasSuffix(before, "www") || number && (after == "" || after[0] == ' ')
}

// codeSpan is text as code, to be copied: between more backticks than it has
// itself (CommonMark, section 6.1).
func codeSpan(s string) string {
	longest, n := 0, 0
	for _, r := range s {
		if r == '`' {
			n++
			longest = max(longest, n)
			continue
		}
		n = 0
	}
	fence := strings.Repeat("`", longest+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") && strings.Trim(s, " ") != "" {
		s = " " + s + " "
	}
	return fence + s + fence
}
