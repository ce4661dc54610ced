package conf

import "strings"

// globPath matches a pattern with a path part by part, as glob(3) does, and
// gives the path as glob would spell it: with the separators of the pattern.
//
// Behind a separator at its end glob wants directories, which no key is; but
// a last part that is not a pattern it finds without looking what it is, and
// leaves the separator out.
func globPath(pattern, path string) (string, bool) {
	var out strings.Builder
	rest := path
	if whole := strings.TrimRight(pattern, "/"); whole != pattern {
		if strings.ContainsAny(baseName(whole), globs) {
			return "", false
		}
		pattern = whole
	}
	for first := true; ; first = false {
		for strings.HasPrefix(pattern, "/") {
			out.WriteByte('/')
			pattern = pattern[1:]
		}
		if pattern == "" || rest == "" {
			return out.String(), pattern == "" && rest == "" && !first
		}
		var p, name string
		p, pattern = cutPart(pattern)
		if p == "." {
			out.WriteString(p)
			continue
		}
		name, rest = cutPart(rest)
		rest = strings.TrimPrefix(rest, "/")
		if !fnmatch(p, name, true) {
			return "", false
		}
		out.WriteString(name)
	}
}

// braces expands {A,B} in a pattern, as glob(3) does with GLOB_BRACE. {} stands
// for itself, and so does what is not closed.
func braces(pattern string) []string {
	open := strings.IndexByte(pattern, '{')
	if open < 0 {
		return []string{pattern}
	}
	var parts []string
	depth, from := 0, open+1
	for i := open; i < len(pattern) && len(parts) < maxBraces; i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '{':
			depth++
		case c == ',' && depth == 1:
			parts, from = append(parts, pattern[from:i]), i+1
		case c == '}' && depth > 1:
			depth--
		case c == '}' && i == open+1:
			return []string{pattern}
		case c == '}':
			var all []string
			for _, p := range append(parts, pattern[from:i]) {
				if len(all) < maxBraces {
					all = append(all, braces(pattern[:open]+p+pattern[i+1:])...)
				}
			}
			return all
		}
	}
	return []string{pattern}
}

// maxBraces bounds what one pattern can become; no file has as many.
const maxBraces = 64

// cutPart splits a path before its first slash.
func cutPart(path string) (part, rest string) {
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// fnmatch matches a shell pattern with a name. With period, a leading dot must
// be matched by a dot.
func fnmatch(pattern, name string, period bool) bool {
	if period && strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	star, mark := -1, 0
	p, n := 0, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, n
			p++
			continue
		}
		if p < len(pattern) {
			if size, ok := matchOne(pattern[p:], name[n]); ok {
				p, n = p+size, n+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, n = star+1, mark
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchOne matches one character with the beginning of a pattern, of which it
// uses size bytes.
func matchOne(pattern string, c byte) (size int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	case '[':
		if size, ok, whole := matchSet(pattern, c); whole {
			return size, ok
		}
	}
	return 1, pattern[0] == c
}

// matchSet matches [...]; whole is false if the bracket is not closed.
func matchSet(pattern string, c byte) (size int, ok, whole bool) {
	i := 1
	not := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if not {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, ok != not, true
		}
		if name, _, found := strings.Cut(pattern[i:], ":]"); found && strings.HasPrefix(name, "[:") {
			ok = ok || inClass(name[2:], c)
			i += len(name) + 2
			continue
		}
		lo := pattern[i]
		if lo == '\\' && i+1 < len(pattern) {
			i++
			lo = pattern[i]
		}
		hi := lo
		if i+2 < len(pattern) && pattern[i+1] == '-' && pattern[i+2] != ']' {
			hi = pattern[i+2]
			i += 2
		}
		ok = ok || lo <= c && c <= hi
		i++
	}
	return 0, false, false
}

// inClass is a character class of POSIX.
func inClass(class string, c byte) bool {
	lower, upper, digit := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
	switch class {
	case "alpha":
		return lower || upper
	case "lower":
		return lower
	case "upper":
		return upper
	case "digit":
		return digit
	case "alnum":
		return lower || upper || digit
	case "xdigit":
		return digit || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
	case "punct":
		return c > ' ' && c < 0x7f && !lower && !upper && !digit
	case "print", "graph":
		return c > ' ' && c < 0x7f
	}
	return false
}
