package remote

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// unsupported is the error for something that cannot be honoured.
func unsupported(at place, reason, hint string) *Error {
	return &Error{Phase: PhaseConfig, Reason: at.String() + ": " + reason, Hint: hint}
}

// judge refuses what could matter and is not supported, and collects warnings
// about the rest.
func (l *lookup) judge() (warnings []string, err error) {
	for _, d := range l.unheard {
		return nil, unsupported(d.place, fmt.Sprintf("unknown directive %s", d.key),
			"correct it, or name it in an IgnoreUnknown line above")
	}
	for _, d := range slices.Concat(l.identities, l.certificates) {
		if err := single(d); err != nil {
			return nil, err
		}
	}
	warnings = l.warnings
	for _, k := range slices.Sorted(maps.Keys(l.first)) {
		d := l.first[k]
		if err := single(d); err != nil {
			return nil, err
		}
		switch directives[k] {
		case isRefused:
			if err := refusal(d); err != nil {
				return nil, err
			}
		case isAlgorithm:
			warnings = append(warnings, fmt.Sprintf("%s: %s not honoured, tmdoctor's own algorithms are used", d.place, d.key))
		case isNoted:
			if !isNone(d) {
				warnings = append(warnings, fmt.Sprintf("%s: %s not honoured", d.place, d.key))
			}
		}
	}
	return warnings, nil
}

// single refuses more words than a directive takes, as ssh does.
func single(d directive) error {
	if len(d.args) == 1 || directives[d.key] != isHonoured || strings.HasSuffix(d.key, "knownhostsfile") || d.key == "revokedhostkeys" {
		return nil
	}
	return unsupported(d.place, fmt.Sprintf("%s has more than one value: %s", d.key, strings.Join(d.args, " ")), "put quotes around a value with blanks")
}

func refusal(d directive) error {
	r := refusals[d.key]
	if slices.Contains(r.fine, strings.ToLower(strings.TrimSpace(d.args[0]))) {
		return nil
	}
	return unsupported(d.place, fmt.Sprintf("%s %s is not supported", d.key, strings.Join(d.args, " ")), r.hint)
}

// suspect takes a line of a block of which nobody can tell here if it holds:
// it must not matter, or the host is refused.
func (l *lookup) suspect(d directive, doubt *block) error {
	key := d.key
	if a, ok := aliases[key]; ok {
		key = a
	}
	support := directives[key]
	switch {
	case support == isHarmless, key == "hashknownhosts", key == "ignoreunknown", support == isUnheard && l.ignored(key), l.decided(key):
		return nil
	case support == isAlgorithm, support == isNoted:
		w := fmt.Sprintf("%s: %s skipped: it has nothing but algorithms, and tmdoctor's own are used", doubt.place, doubt.title)
		if !slices.Contains(l.warnings, w) {
			l.warnings = append(l.warnings, w)
		}
		return nil
	}
	return unsupported(doubt.place, fmt.Sprintf("%s is not supported and could apply (it sets %s)", doubt.title, d.key),
		"write it as a Host block, or have ssh(1) log in there: --transport openssh")
}
