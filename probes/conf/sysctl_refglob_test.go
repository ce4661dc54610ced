package conf_test

import "strings"

// refBraces is GLOB_BRACE for one pair of braces.
func refBraces(pattern string) []string {
	before, rest, open := strings.Cut(pattern, "{")
	inside, after, closed := strings.Cut(rest, "}")
	if !open || !closed {
		return []string{pattern}
	}
	var all []string
	for _, choice := range strings.Split(inside, ",") {
		all = append(all, before+choice+after)
	}
	return all
}

// refGlob is glob(3) below /proc/sys: the keys, spelled as the pattern has
// the separators.
func refGlob(pattern string) []string {
	found := []string{""}
	for i, part := range strings.Split(pattern, "/") {
		var next []string
		for _, at := range found {
			if i > 0 {
				at += "/"
			}
			switch {
			case part == "" || part == ".":
				next = append(next, at+part)
			case part == "..":
			default:
				for _, name := range refProcNames(at) {
					if refMatch(part, name, true) {
						next = append(next, at+name)
					}
				}
			}
		}
		found = next
	}
	var keys []string
	for _, at := range found {
		for _, key := range refProcSys {
			if refSimplify(at) == key && !strings.HasSuffix(at, "/") && !strings.HasSuffix(at, ".") {
				keys = append(keys, at)
			}
		}
	}
	return keys
}

// refProcNames are the names in a directory of /proc/sys.
func refProcNames(dir string) (names []string) {
	depth, prefix := 0, refSimplify(dir)
	if prefix != "" {
		depth, prefix = 1+strings.Count(prefix, "/"), prefix+"/"
	}
	seen := map[string]bool{}
	for _, key := range refProcSys {
		parts := strings.Split(key, "/")
		if strings.HasPrefix(key, prefix) && depth < len(parts) && !seen[parts[depth]] {
			seen[parts[depth]] = true
			names = append(names, parts[depth])
		}
	}
	return names
}

// refMatch is fnmatch(3), by trying everything.
func refMatch(pattern, name string, period bool) bool {
	if period && strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		for i := 0; i <= len(name); i++ {
			if refMatch(pattern[1:], name[i:], false) {
				return true
			}
		}
		return false
	case name == "":
		return false
	case pattern[0] == '?':
		return refMatch(pattern[1:], name[1:], false)
	case pattern[0] == '\\' && len(pattern) > 1:
		return pattern[1] == name[0] && refMatch(pattern[2:], name[1:], false)
	case pattern[0] == '[':
		if end, in, ok := refBracket(pattern, name[0]); ok {
			return in && refMatch(pattern[end:], name[1:], false)
		}
	}
	return pattern[0] == name[0] && refMatch(pattern[1:], name[1:], false)
}

// refBracket knows the brackets that the trees have.
func refBracket(pattern string, c byte) (end int, in, ok bool) {
	if strings.HasPrefix(pattern, "[[:alpha:]]") {
		return len("[[:alpha:]]"), c >= 'a' && c <= 'z', true
	}
	end = strings.IndexByte(pattern, ']')
	if end < 0 {
		return 0, false, false
	}
	set, not := strings.CutPrefix(pattern[1:end], "!")
	if len(set) == 3 && set[1] == '-' {
		return end + 1, (c >= set[0] && c <= set[2]) != not, true
	}
	return end + 1, strings.IndexByte(set, c) >= 0 != not, true
}
