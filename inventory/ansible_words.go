package inventory

import (
	"fmt"
	"strconv"
	"strings"
)

// shellWords parts a line into words as Python's shlex does, with which
// Ansible reads a line of hosts and arguments of ssh: quotes and backslashes
// of a POSIX shell, and a comment (if comments) from '#' on, also inside a
// word.
func shellWords(line string, comments bool) ([]piece, *fault) {
	var out []piece
	var word []byte
	start := -1
	var quote byte
	begin := func(i int) {
		if start < 0 {
			start = i
		}
	}
	end := func() {
		if start >= 0 {
			out = append(out, piece{string(word), start})
		}
		start, word = -1, nil
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '"' && c == '\\' && i+1 < len(line) && (line[i+1] == '"' || line[i+1] == '\\'):
			i++
			word = append(word, line[i])
		case quote != 0:
			word = append(word, c)
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			end()
		case comments && c == '#':
			end()
			return out, nil
		case c == '\'' || c == '"':
			begin(i)
			quote = c
		case c == '\\':
			begin(i)
			if i++; i == len(line) {
				return nil, &fault{i - 1, "a backslash stands at the end", "remove it"}
			}
			word = append(word, line[i])
		default:
			begin(i)
			word = append(word, c)
		}
	}
	if quote != 0 {
		return nil, &fault{start, fmt.Sprintf("a quote %c is not closed", quote), "close it on the same line"}
	}
	end()
	return out, nil
}

const (
	ansibleRangeHint = "a range of Ansible is written tm[001:040], with a step tm[001:040:2], or tm[a:f]"
	ansibleNameHint  = "Ansible writes NAME or NAME:PORT, and the user as ansible_user=NAME"
	letters          = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// ansibleNames are the hosts that one pattern of an Ansible inventory stands
// for, and their port, "" for none. The last range runs fastest.
func ansibleNames(s string) (names []string, port string, f *fault) {
	host, port, f := ansiblePort(s)
	if f != nil {
		return nil, "", f
	}
	if isIP(host) {
		return []string{host}, port, nil
	}
	names = []string{""}
	for rest := host; ; {
		i := strings.IndexByte(rest, '[')
		if i < 0 {
			names = appendEach(names, []string{rest})
			break
		}
		end := strings.IndexByte(rest, ']')
		if end < i {
			return nil, "", &fault{strings.Index(s, rest) + i, fmt.Sprintf("%q has a bracket that is not closed", s), ansibleRangeHint}
		}
		items, f := ansibleRange(rest[i+1 : end])
		if f != nil {
			f.off += strings.Index(s, rest) + i + 1
			return nil, "", f
		}
		if len(names)*len(items) > MaxHosts {
			return nil, "", tooMany(s)
		}
		names = appendEach(names, []string{rest[:i]})
		names = appendEach(names, items)
		rest = rest[end+1:]
	}
	for _, n := range names {
		if f := checkName("host", n); f != nil && !isIP(n) {
			if strings.ContainsAny(n, "@:") {
				f.hint = ansibleNameHint
			}
			f.off = 0
			return nil, "", f
		}
	}
	return names, port, nil
}

// appendEach is every head with every tail.
func appendEach(heads, tails []string) []string {
	out := make([]string, 0, len(heads)*len(tails))
	for _, h := range heads {
		for _, t := range tails {
			out = append(out, h+t)
		}
	}
	return out
}

// ansiblePort parts NAME:PORT and [NAME]:PORT. A colon in brackets belongs to
// a range, an IPv6 address stands alone or in brackets with a port.
func ansiblePort(s string) (host, port string, f *fault) {
	if isIP(s) {
		return s, "", nil
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 || i < strings.LastIndexByte(s, ']') {
		return s, "", nil
	}
	host, port = s[:i], s[i+1:]
	if _, f := parsePort(port); f != nil {
		f.off, f.hint = i+1, ansibleNameHint
		return "", "", f
	}
	if len(host) > 2 && host[0] == '[' && strings.IndexByte(host, ']') == len(host)-1 && (isIP(host[1:len(host)-1]) || !strings.Contains(host, ":")) {
		return host[1 : len(host)-1], port, nil
	}
	// Ansible takes what is no host name, with its port, for one name.
	if last := host[max(0, len(host)-1):]; last == "-" || last == "_" || last == "." || strings.Contains(host, "[:") {
		return "", "", &fault{0, fmt.Sprintf("%q: Ansible reads no port behind such a name", s), "write the port as ansible_port=" + port}
	}
	return host, port, nil
}

// ansibleRange is the inside of a bracket: LO:HI or LO:HI:STEP, of numbers or
// of letters.
func ansibleRange(s string) ([]string, *fault) {
	bounds := strings.Split(s, ":")
	bad := func(format string, args ...any) ([]string, *fault) {
		return nil, &fault{0, fmt.Sprintf("range %q: ", s) + fmt.Sprintf(format, args...), ansibleRangeHint}
	}
	if len(bounds) != 2 && len(bounds) != 3 {
		return bad("it has not two ends")
	}
	lo, hi, step := bounds[0], bounds[1], 1
	if len(bounds) == 3 {
		if step = smallNumber(bounds[2]); step < 1 {
			return bad("the step is at least 1")
		}
	}
	if lo == "" {
		lo = "0"
	}
	if len(lo) == 1 && len(hi) == 1 && strings.Contains(letters, lo) && strings.Contains(letters, hi) {
		from, to := strings.Index(letters, lo), strings.Index(letters, hi)
		if from > to {
			return bad("it ends before it begins")
		}
		var out []string
		for i := from; i <= to; i += step {
			out = append(out, letters[i:i+1])
		}
		return out, nil
	}
	first, last := smallNumber(lo), smallNumber(hi)
	switch {
	case first < 0 || last < 0:
		return bad("its ends are not numbers of at most nine digits, nor single letters")
	case last < first:
		return bad("it ends before it begins")
	case padded(lo) && len(lo) != len(hi):
		return bad("its ends have different widths")
	case (last-first)/step >= MaxHosts:
		return bad("it is more than %d hosts", MaxHosts)
	}
	width := 0
	if padded(lo) {
		width = len(lo)
	}
	var out []string
	for n := first; n <= last; n += step {
		out = append(out, fmt.Sprintf("%0*d", width, n))
	}
	return out, nil
}

// smallNumber is a number of at most nine digits, -1 for anything else.
func smallNumber(s string) int {
	if !allDigits(s) || len(s) > 9 {
		return -1
	}
	n, _ := strconv.Atoi(s)
	return n
}
