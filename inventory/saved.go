package inventory

import (
	"fmt"
	"strings"
)

// unhealthyPrefix begins a pattern that names a saved report.
const unhealthyPrefix = "@unhealthy:"

// SavedReport is what a selection needs of a saved report.
type SavedReport struct {
	// Unhealthy are the hosts that were not ok, in the order of the report:
	// unknown is not ok.
	Unhealthy []string
	// Missing is how many hosts were selected then and are not in the report,
	// because the run was cut short.
	Missing int
}

// unhealthy are the hosts that were not ok in the saved report that a pattern
// names. Of a run that was cut short nobody knows which hosts are missing, and
// that they are well least of all.
func (inv *Inventory) unhealthy(text string) ([]string, error) {
	file, ok := strings.CutPrefix(text, unhealthyPrefix)
	if !ok || file == "" {
		return nil, &Error{Msg: fmt.Sprintf("pattern %q begins with @", text), Hint: "@unhealthy:REPORT.json are the hosts that were not ok in a saved report"}
	}
	if inv.saved == nil {
		return nil, &Error{Msg: fmt.Sprintf("pattern %q: no saved report can be read here", text)}
	}
	r, err := inv.saved(file)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	if r.Missing > 0 {
		return nil, &Error{File: file, Msg: fmt.Sprintf("the run was cut short: %d hosts that were selected are not in the report, and nobody knows if they are ok", r.Missing),
			Hint: "ask those hosts again, and all"}
	}
	return r.Unhealthy, nil
}

// includeSaved chooses the hosts of a saved report. One that the inventory does
// not know is an error, unless the operator named no inventory: it would be
// left out of what was to be all that is sick.
func (s *selection) includeSaved(text string) error {
	names, err := s.inv.unhealthy(text)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return &Error{Msg: fmt.Sprintf("pattern %q: every host of the report was ok", text), Hint: "there is nothing to do; or name other hosts"}
	}
	var strange []string
	for _, name := range names {
		if i, ok := s.inv.index[name]; ok {
			s.in[i] = true
			continue
		}
		if !s.inv.open || !isIP(name) && checkName("host", name) != nil {
			strange = append(strange, name)
			continue
		}
		if err := s.addExtra(name); err != nil {
			return err
		}
	}
	if len(strange) > 0 {
		return &Error{Msg: fmt.Sprintf("pattern %q: %d of its %d hosts are not in the inventory: %s", text, len(strange), len(names), Fold(strange)),
			Hint: "name their inventory too with -i, or write '&" + text + "' for those that are"}
	}
	return nil
}
