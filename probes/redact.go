package probes

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// hidden stands in place of a secret.
const hidden = "(withheld)"

var (
	// userInURI is all that stands before the host of a URI. A secret key of S3
	// may have slashes in it, a password an @, and both stand there unescaped
	// more often than not.
	userInURI  = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*:/{1,3})([^\s'"<>|@/:]*(?::[^\s'"<>|]*)?)@`)
	queryOfURI = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*:/[^\s'"<>?]*\?)[^\s'"<>]+`)
	// secretWord are names of settings whose values Flink itself hides
	// (GlobalConfiguration.SENSITIVE_KEYS), and names in use elsewhere, up to where
	// the value begins; the names may be in quotes, which are escaped in a text
	// within a text. Options of a command have a blank before the value.
	secretWord = regexp.MustCompile(`(?i)(?:` + secretNames + `[\w.-]*\\*["']?[ \t]*[=:][ \t]*|\b(?:pass|pwd)\\*["']?[ \t]*[=:][ \t]*|--?[\w.-]*?(?:` + secretNames + `)[\w.-]*[ \t]+|--?(?:pass|pwd)[ \t]+)`)
	quoteStart = regexp.MustCompile(`^\\*["']`)
	plainValue = regexp.MustCompile(`^(?:(?i:basic|bearer)\s+[^\s,;"'\\]+|[^\s,;&"'\\]+)`)
	keyForm    = regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|(?i:\b(?:bearer|basic) +[\w.~+/=-]{8,})`)
)

const secretNames = `(?:passw(?:or)?d|passphrase|secret|token|credential|api[-_.]?key|access[-_.]?key|account[-_.]?key|service[-_.]?key|shared[-_.]?key|private[-_.]?key|auth[-_.]params|basic[-_.]auth|jaas[-_.]config|http[-_.]headers|authorization|signature|\bsig)`

// redact takes out of a text, of a log or of a REST API, what may be a secret:
// user and password of a URI, its query, values of settings with names of
// secrets, and keys known by their form. What is lost with them is nothing that
// any judge reads.
func redact(s string) string {
	if hasUser(s) {
		s = userInURI.ReplaceAllStringFunc(s, redactUser)
	}
	if strings.Contains(s, "?") {
		s = queryOfURI.ReplaceAllString(s, "${1}"+hidden)
	}
	if strings.ContainsAny(s, "=:-") && secretStems.in(s) {
		s = redactSettings(s)
	}
	if keyStems.in(s) {
		s = keyForm.ReplaceAllString(s, hidden)
	}
	return s
}

// hasUser reports whether a text may have what redactUser hides: a line with the
// address of an actor of Flink's has none, and most others no @ at all.
func hasUser(s string) bool {
	if !strings.Contains(s, "@") {
		return false
	}
	for at := 0; ; {
		i := strings.Index(s[at:], ":/")
		if i < 0 {
			return false
		}
		at += i + len(":/")
		rest := strings.TrimLeft(s[at:], "/")
		end := strings.IndexAny(rest, whitespace+`'"<>|@/:`)
		if end < 0 {
			return false
		}
		switch rest[end] {
		case '@':
			if !hasPlainUser(s[:at-len(":/")]) {
				return true
			}
		case ':':
			password := rest[end:]
			if n := strings.IndexAny(password, whitespace+`'"<>|`); n >= 0 {
				password = password[:n]
			}
			if strings.Contains(password, "@") {
				return true
			}
		}
	}
}

// hasPlainUser reports whether a text ends with one of the schemes plainUsers.
func hasPlainUser(s string) bool {
	i := len(s)
	for i > 0 && (isNameByte(s[i-1], false) && s[i-1] != '_' && s[i-1] != '$' || s[i-1] == '+') {
		i--
	}
	scheme := strings.TrimLeft(s[i:], "0123456789+.-")
	return slices.ContainsFunc(plainUsers, func(p string) bool { return strings.HasPrefix(scheme, p) })
}

// secretStems are what every name that secretWord finds has in it, keyStems what
// keyForm finds, in lower case: most lines of a log have none of them, and to
// look for them costs a hundredth of the expression.
var (
	secretStems = newStems("pass", "pwd", "secret", "token", "credential", "key", "auth", "jaas", "headers", "sig")
	keyStems    = newStems("akia", "asia", "bearer", "basic")
)

// stems are words by the byte that they begin with. All is in either case.
type stems struct {
	begins pairSet
	by     [256][]string
}

func newStems(words ...string) *stems {
	var s stems
	for _, w := range words {
		for _, first := range []byte{w[0], w[0] - 'a' + 'A'} {
			s.by[first] = append(s.by[first], w)
			s.begins.add(first, w[1])
			s.begins.add(first, w[1]-'a'+'A')
		}
	}
	return &s
}

// in reports whether a text may have one of the stems in it, in capitals or
// not. Letters beyond ASCII may be other forms of those within it, as the sign
// of the Kelvin is of k: such a text may.
func (s *stems) in(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c >= utf8.RuneSelf {
			return true
		}
		if i+1 < len(text) && !s.begins.has(c, text[i+1]) {
			continue
		}
		for _, stem := range s.by[c] {
			if len(text)-i >= len(stem) && strings.EqualFold(text[i:i+len(stem)], stem) {
				return true
			}
		}
	}
	return false
}

// redactTo is clip of redact, in a time that a text of any length does not
// change: what lies far behind the end is not looked at. Half a secret at the
// place of that cut would be nothing that redact knows: what closes one stands
// there, an @ for a URI and the quotes for a value.
func redactTo(s string, n int) string {
	const times = 4 // what is withheld may be longer than what stands in its place
	if len(s) <= times*n {
		return clip(redact(s), n)
	}
	s = strings.ToValidUTF8(s[:times*n], "")
	for _, end := range []string{"@", `"`, "'"} {
		s = strings.TrimSuffix(redact(s+end), end)
	}
	// It was cut, however short it is now.
	return strings.TrimSuffix(clip(s, n), "...") + "..."
}

// redactSettings hides the values of settings with names of secrets. Quotes stay:
// what the text stands in may be quoted itself.
func redactSettings(s string) string {
	var b strings.Builder
	for {
		at := secretWord.FindStringIndex(s)
		if at == nil {
			return b.String() + s
		}
		b.WriteString(s[:at[1]])
		s = s[at[1]:]
		quote := quoteStart.FindString(s)
		n := len(quote) + quotedLength(s[len(quote):], quote)
		if quote == "" {
			n = len(plainValue.FindString(s))
		}
		if n > 0 {
			b.WriteString(quote + hidden)
		}
		s = s[n:]
	}
}

// quotedLength is how much of a text stands before the quote that ends it. A
// quote within it has more backslashes before it, or a backslash for itself; one
// with fewer ends the text that this one is in.
func quotedLength(s, quote string) int {
	if quote == "" {
		return 0
	}
	escapes, slashes := len(quote)-1, 0
	for i := range len(s) {
		switch s[i] {
		case '\\':
			slashes++
			continue
		case '\n':
			return i
		case '"':
			if slashes < escapes {
				return i - slashes
			}
		}
		if s[i] == quote[escapes] && slashes%(2*escapes+2) == escapes {
			return i - escapes
		}
		slashes = 0
	}
	return len(s)
}

// plainUsers are schemes in which what stands before the @ is no user but a
// container, or a name of Flink's own.
var plainUsers = []string{"abfs", "wasb", "akka", "pekko"}

func redactUser(match string) string {
	scheme, user, _ := strings.Cut(match, ":")
	slashes := len(user) - len(strings.TrimLeft(user, "/"))
	start := scheme + ":" + user[:slashes]
	user = strings.TrimSuffix(user[slashes:], "@")
	name, rest, password := strings.Cut(user, ":")
	if password && strings.Contains(rest, "/") && !strings.Contains(rest, "://") && !strings.HasPrefix(scheme, "s3") && isPort(rest[:strings.IndexByte(rest, '/')]) && name != "" {
		return match // HOST:PORT/PATH with an @ in the path
	}
	if !password {
		if hasPlainUser(scheme) {
			return match
		}
	}
	return start + hidden + "@"
}

func isPort(s string) bool { return len(s) <= 5 && isNumber(s) }
