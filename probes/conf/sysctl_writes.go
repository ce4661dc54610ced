package conf

// writes are the statements that reach the kernel, in order. It settles the
// fate of all others.
func (d *dialect) writes(all []*statement, key string) []*statement {
	matching := all[:0:0]
	for _, s := range all {
		if s.match {
			matching = append(matching, s)
		}
	}
	if d.table {
		return tableWrites(matching, key)
	}
	return d.eachWrites(matching)
}

// tableWrites is systemd's way: a table with one entry a path, in the order of
// the last change; equal values keep their place. An explicit entry, also an
// exclusion, keeps every pattern off.
func tableWrites(all []*statement, key string) (writes []*statement) {
	entries := map[string]int{}
	live := make([]bool, len(all))
	var explicit *statement
	for i, s := range all {
		if at, ok := entries[s.path]; ok {
			old := all[at]
			if old.exclude == s.exclude && old.value == s.value && old.unknown == s.unknown {
				s.fate, s.why = FateLater, "the same as "+old.place.String()
				continue
			}
			live[at] = false
			old.fate, old.why = FateLater, "overridden by "+s.place.String()
			if s.exclude {
				old.fate, old.why = FateExcluded, "taken out by "+s.place.String()
			}
		}
		entries[s.path], live[i] = i, true
		if s.path == key {
			explicit = s
		}
	}
	for i, s := range all {
		switch {
		case !live[i]:
		case s.exclude:
			s.fate, s.why = FateExclusion, ""
		case s.glob && explicit != nil && explicit.exclude:
			s.fate, s.why = FateExcluded, "kept off by "+explicit.place.String()
		case s.glob && explicit != nil:
			s.fate, s.why = FateGlob, "the explicit line "+explicit.place.String()+" beats a pattern"
		default:
			writes = append(writes, s)
		}
	}
	return writes
}

// eachWrites is the way of sysctl(8): every line is written, a pattern only
// where no line names the very path that the pattern gives.
func (d *dialect) eachWrites(all []*statement) (writes []*statement) {
	named := map[string]*statement{}
	var kept *statement
	for _, s := range all {
		switch {
		case !s.glob:
			named[s.path] = s
		case s.exclude && d.globExclude:
			kept = s
		}
	}
	for _, s := range all {
		by := kept
		if s.glob && named[s.result] != nil {
			by = named[s.result]
		}
		switch {
		case s.exclude:
			s.fate, s.why = FateExclusion, ""
		case !s.glob || by == nil:
			writes = append(writes, s)
		case by.exclude && by.unknown != "": // it may keep the pattern off
			s.unknown = by.unknown
			writes = append(writes, s)
		case by.exclude:
			s.fate, s.why = FateExcluded, "kept off by "+by.place.String()
		default:
			s.fate, s.why = FateGlob, "the explicit line "+by.place.String()+" beats a pattern"
		}
	}
	return writes
}
