package remote

// matchWildcard matches as OpenSSH does: `*` is any number of characters, `?`
// exactly one, everything else is itself, and case counts (callers fold it
// where OpenSSH does). It takes linear time for a pattern of one `*` and
// quadratic at worst, whatever the pattern.
func matchWildcard(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchList is true if a pattern matches and no negated one does.
func matchList(patterns []string, s string) bool {
	found := false
	for _, p := range patterns {
		if len(p) > 0 && p[0] == '!' {
			if matchWildcard(p[1:], s) {
				return false
			}
			continue
		}
		found = found || matchWildcard(p, s)
	}
	return found
}
