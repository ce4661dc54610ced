package inventory

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest host name in bytes (RFC 1035 section 2.3.4: 255
// octets on the wire, 253 as text).
const maxName = 253

const (
	nameHint = "a name has letters, digits, '.', '-' and '_', and begins with a letter, a digit or '_'"
	userHint = "a user has letters, digits and any of . _ - + @ \\, and does not begin with '-'"
)

// nameByte says whether c may stand in a host or group name. Everything that
// a shell, ssh(1), a report or a terminal could take for something else is
// out.
func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '.' || c == '-' || c == '_'
}

// checkName refuses a name that is not one, with what ("host", "group") in
// the message.
func checkName(what, s string) *fault {
	if f := checkChars(what+" name", s, s, ""); f != nil {
		return f
	}
	if len(s) > maxName {
		return tooLong(what+" name", len(s))
	}
	return nil
}

func tooLong(what string, n int) *fault {
	return &fault{0, fmt.Sprintf("%s of %d characters; at most %d are possible", what, n, maxName), ""}
}

// checkChars judges the characters of s by the rules of names, those of extra
// allowed as well. Plain is s, or s with digits in place of its brackets. A
// leading '-' would be an option to ssh(1).
func checkChars(what, s, plain, extra string) *fault {
	if s == "" {
		return &fault{0, what + " is empty", nameHint}
	}
	if plain[0] == '-' || plain[0] == '.' {
		return &fault{0, fmt.Sprintf("%s %q begins with '%c'", what, s, plain[0]), nameHint}
	}
	for i, r := range plain {
		if r >= utf8.RuneSelf || !nameByte(byte(r)) && !strings.ContainsRune(extra, r) {
			return badRune(i, what, s, r)
		}
	}
	return nil
}

// badRune is the fault of one character that may not be in s.
func badRune(off int, what, s string, r rune) *fault {
	f := &fault{off: off, hint: nameHint}
	switch {
	case r == '\r':
		f.msg = fmt.Sprintf("%s %q has a carriage return", what, s)
		f.hint = "the file has Windows line ends: convert it with dos2unix"
	case unicode.IsControl(r):
		f.msg = fmt.Sprintf("%s %q has a control character", what, s)
	case r == ']':
		f.msg = fmt.Sprintf("%s %q has a bracket that is not open", what, s)
		f.hint = rangeHint
	case r == utf8.RuneError:
		f.msg = fmt.Sprintf("%s %q is not valid UTF-8", what, s)
	case r >= utf8.RuneSelf:
		f.msg = fmt.Sprintf("%s %q has the character %q", what, s, r)
		f.hint = "write an international name in its ASCII form (xn--...)"
	default:
		f.msg = fmt.Sprintf("%s %q has the character %q", what, s, r)
	}
	return f
}

// checkUser refuses a login name that could be an option or needs quoting.
func checkUser(s string) *fault {
	if s == "" {
		return &fault{0, "user is empty", userHint}
	}
	for i, r := range s {
		if r >= utf8.RuneSelf || !nameByte(byte(r)) && !strings.ContainsRune(`+@\`, r) {
			f := badRune(i, "user", s, r)
			f.hint = userHint
			return f
		}
	}
	if s[0] == '-' {
		return &fault{0, fmt.Sprintf("user %q begins with '-'", s), userHint}
	}
	return nil
}

// isIP says whether s is an IP address, with a zone of sane characters or
// without.
func isIP(s string) bool {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return false
	}
	for i := range len(a.Zone()) {
		if !nameByte(a.Zone()[i]) {
			return false
		}
	}
	return true
}

// checkAddress refuses what is neither a host name nor an IP address.
func checkAddress(s string) *fault {
	if isIP(s) {
		return nil
	}
	f := checkChars("address", s, s, "")
	if f == nil && len(s) > maxName {
		return tooLong("address", len(s))
	}
	if f != nil && strings.Contains(s, ":") {
		f.hint = "write the port with the key port, and an IPv6 address without brackets"
	}
	return f
}

// word is one [user@]host[:port] with its ranges still folded.
type word struct {
	user  string
	hosts expr
	port  int
}

// parseWord reads one word of a plain list.
func parseWord(s string) (word, *fault) {
	var w word
	host, off := s, 0
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		w.user, host, off = s[:i], s[i+1:], i+1
		if f := checkUser(w.user); f != nil {
			return w, f
		}
	}
	host, port, f := splitPort(host)
	if f != nil {
		f.off += off
		return w, f
	}
	if port != nil {
		if w.port, f = parsePort(*port); f != nil {
			f.off += len(s) - len(*port)
			return w, f
		}
	}
	if w.hosts, f = parseExpr(host, ""); f != nil {
		f.off += off
	}
	return w, f
}

// splitPort parts host:port; the port is nil where there is none. Brackets
// around an IP address stay, parseExpr knows them.
func splitPort(s string) (string, *string, *fault) {
	if isIP(s) {
		return s, nil, nil
	}
	tail := strings.LastIndexByte(s, ']') + 1
	host, port, found := strings.Cut(s[tail:], ":")
	if !found {
		return s, nil, nil
	}
	if strings.Contains(port, ":") {
		return "", nil, &fault{0, fmt.Sprintf("%q has several colons and is no IP address", s),
			"an IPv6 address with a port is written [address]:port"}
	}
	return s[:tail] + host, &port, nil
}

// parsePort reads a TCP port.
func parsePort(s string) (int, *fault) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || s[0] == '0' {
		return 0, &fault{0, fmt.Sprintf("port %q is not a number from 1 to 65535", s),
			"a host is written [user@]host[:port]"}
	}
	return int(n), nil
}
