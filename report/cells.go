package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// causeText is the cell CAUSE: the most probable cause that holds now, with
// its confidence unless it is proven, or the phase in which a host was lost. A
// failure that nothing explains is said to be one.
func causeText(h *Host) string {
	if u := h.Unreachable; u != nil {
		return Escape("unreachable: " + u.Phase)
	}
	for i := range h.Causes {
		switch c := &h.Causes[i]; c.Confidence {
		case probes.History:
		case probes.Proven:
			return Escape(c.Cause)
		default:
			return Escape(c.Cause + " (" + string(c.Confidence) + ")")
		}
	}
	for i := range h.Findings {
		if f := &h.Findings[i]; f.Waived == nil && probes.Unexplained(f.Code) {
			return "unexplained"
		}
	}
	return "-"
}

// cellOf is the cell of a check. What is well is "ok", so that the numbers
// that stand in a table are those to look at; wide shows all numbers, and the
// word fail, warn or unknown beside those.
func cellOf(c *probes.Check, wide bool) cell {
	status := c.Status
	if !known(status) {
		status = probes.StatusUnknown
	}
	text := strings.TrimSpace(Escape(c.Observed))
	switch {
	case status == probes.Skipped:
		text = "-"
	case status == probes.StatusUnknown:
		text = cmp.Or(text, "?")
	case status == probes.OK:
		// Something here was not seen: "ok" alone would say too much.
		if text == "" || !wide && len(c.NotSeen) == 0 {
			text = "ok"
		}
	case text == "":
		text = string(status)
	}
	if wide && status.Rank() > 0 && text != string(status) {
		text += " " + string(status)
	}
	return cell{status: status, text: text}
}

// narrowLines is what is wrong with a host, a line each, the worst first: the
// code with the host's own number. The words stand below, in the folds.
func narrowLines(h *Host) []line {
	if u := h.Unreachable; u != nil {
		return []line{{probes.StatusUnknown, Escape(u.Phase + ": " + u.Reason)}}
	}
	var lines []line
	for i := range h.Findings {
		if f := &h.Findings[i]; f.Waived == nil {
			lines = append(lines, line{f.Status, Escape(strings.TrimSpace(f.Code + " " + f.Observed))})
		}
	}
	for i := range h.Checks {
		if c := &h.Checks[i]; c.Status == probes.StatusUnknown || !known(c.Status) {
			lines = append(lines, line{probes.StatusUnknown, Escape(c.Probe + ": " + cmp.Or(briefly(c.Reason), "no reason was given"))})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(b.status.Rank(), a.status.Rank()) })
	return lines
}

// sgr are the colours of statuses (ECMA-48 Select Graphic Rendition).
var sgr = map[probes.Status]string{
	probes.Fail:          "\x1b[31m", // red
	probes.Warn:          "\x1b[33m", // yellow
	probes.StatusUnknown: "\x1b[35m", // magenta
	probes.OK:            "\x1b[32m", // green
}

// paint colours a text that is already escaped, cut and padded.
func (o Options) paint(s probes.Status, text string) string {
	if !o.Color || sgr[s] == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return sgr[s] + text + "\x1b[0m"
}

// bold is for titles.
func (o Options) bold(text string) string {
	if !o.Color {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}
