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

// braces expands {A,B} in a pattern, as glob(3) of glibc does with GLOB_BRACE:
// {} is nothing, and what is not closed stands for itself. whole is false where
// that makes more patterns than any file has.
func braces(pattern string) (all []string, whole bool) {
	todo := []string{pattern}
	for made := 0; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		before, choices, after := cutBraces(p)
		if choices == nil {
			all = append(all, p)
			continue
		}
		if made += len(choices); made > maxBraces {
			return nil, false
		}
		for _, c := range choices {
			todo = append(todo, before+c+after)
		}
	}
	return all, true
}

// maxBraces bounds what one pattern can become.
const maxBraces = 256

// cutBraces divides a pattern at its first braces, the choices at the commas;
// nil is none.
func cutBraces(pattern string) (before string, choices []string, after string) {
	depth, open, from := 0, 0, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '{' && depth == 0:
			depth, open, from = 1, i, i+1
		case c == '{':
			depth++
		case c == ',' && depth == 1:
			choices, from = append(choices, pattern[from:i]), i+1
		case c == '}' && depth == 1:
			return pattern[:open], append(choices, pattern[from:i]), pattern[i+1:]
		case c == '}' && depth > 1:
			depth--
		}
	}
	return pattern, nil, ""
}

// longPath is PATH_MAX of Linux, in bytes.
const longPath = 4096

// mayName reports whether a pattern may match a path, as far as its beginning
// tells.
func mayName(pattern, path string) bool {
	if i := strings.IndexAny(pattern, globs+"{\\"); i >= 0 {
		pattern = pattern[:i]
	}
	return strings.HasPrefix(path, simplify(pattern))
}

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
		if strings.HasPrefix(pattern[i:], "[:") {
			if name, _, found := strings.Cut(pattern[i+2:], ":]"); found {
				ok = ok || inClass(name, c)
				i += len(name) + 4
				continue
			}
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
