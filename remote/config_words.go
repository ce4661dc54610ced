package remote

import (
	"errors"
	"strings"
)

var (
	errQuote = errors.New("a quote is not closed")
	errNUL   = errors.New("a NUL byte is in the line")
	// errNone is for what ssh(1) takes for the name of a jump host.
	errNone = errors.New("proxyjump none takes neither quotes nor a comment")
)

// splitDirective splits a line of ssh_config into its keyword, in lower case,
// and its words, as OpenSSH's readconf.c does: blanks or one `=` after the
// keyword, then words with quotes and backslashes, ended by a word that begins
// with `#`. An empty line and a comment have no keyword.
func splitDirective(line string) (keyword string, words []string, err error) {
	if strings.IndexByte(line, 0) >= 0 {
		return "", nil, errNUL // ssh(1) would see only what is before it
	}
	line = strings.TrimLeft(strings.TrimRight(line, " \t\r\f"), " \t\r") // a form feed is blank at the end only
	if line == "" || line[0] == '#' {
		return "", nil, nil
	}
	end := strings.IndexAny(line, " \t=")
	rest := ""
	if end >= 0 {
		rest = strings.TrimLeft(line[end:], " \t")
		if strings.HasPrefix(rest, "=") {
			rest = strings.TrimLeft(rest[1:], " \t")
		}
		line = line[:end]
	}
	keyword = strings.ToLower(strings.Trim(line, `"`))
	words, err = splitWords(rest)
	switch {
	case err != nil:
		return keyword, nil, err
	case rawDirectives[keyword]:
		return keyword, []string{strings.TrimLeft(rest, " \t=")}, nil
	case keyword == "proxyjump" && len(words) == 1 && strings.EqualFold(words[0], "none") && len(rest) > len("none"):
		return keyword, nil, errNone
	}
	return keyword, words, nil
}

// rawDirectives take the rest of the line as it is, for a shell.
var rawDirectives = map[string]bool{"proxycommand": true, "localcommand": true, "remotecommand": true, "knownhostscommand": true}

func splitWords(s string) (words []string, err error) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == '#' {
			return words, nil
		}
		var word string
		if word, s, err = nextWord(s); err != nil {
			return nil, err
		}
		words = append(words, word)
	}
}

// nextWord reads one word. A backslash escapes a quote or itself, and a blank
// outside quotes; before anything else it stands for itself.
func nextWord(s string) (word, rest string, err error) {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && (strings.IndexByte(`"'\`, s[i+1]) >= 0 || quote == 0 && s[i+1] == ' '):
			i++
			b.WriteByte(s[i])
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), s[i:], nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", errQuote
	}
	return b.String(), "", nil
}
