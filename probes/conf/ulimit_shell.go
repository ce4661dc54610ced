package conf

import (
	"slices"
	"strings"
)

// shellWord is a word of a command without its quotes.
type shellWord struct {
	text    string
	expands bool // a variable, a command or a pattern stands in it
	quoted  bool
}

// assigns reports whether the word gives a value to a variable.
func (w shellWord) assigns() bool {
	name, _, ok := strings.Cut(w.text, "=")
	return ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == ""
}

// shellText cuts a line of a shell script into commands, as far as that can be
// done without running it: sh(1p), 2.3 Token Recognition.
type shellText struct {
	rest    string
	command []shellWord
	open    bool // the line ends inside the command: a quote, or a backslash
}

// next finds the next command.
func (s *shellText) next() bool {
	for s.rest != "" {
		s.words()
		s.keywords()
		if len(s.command) > 0 {
			return true
		}
	}
	return false
}

// keywords takes the reserved words off the beginning of the command.
func (s *shellText) keywords() {
	for len(s.command) > 0 && !s.command[0].quoted {
		switch s.command[0].text {
		case "function":
			if len(s.command) > 1 {
				s.command = s.command[1:]
			}
		case "then", "else", "elif", "do", "fi", "done", "esac", "}", "if", "while", "until", "{", "!":
		default:
			return
		}
		s.command = s.command[1:]
	}
}

// words reads the words up to the next operator.
func (s *shellText) words() {
	s.command, s.open = nil, false
	skip := false // the word is the file of a redirection
	for {
		s.rest = strings.TrimLeft(s.rest, " \t\r")
		if s.rest == "" || s.rest[0] == '#' {
			if i := strings.IndexByte(s.rest, '\n'); i >= 0 {
				s.rest = s.rest[i+1:]
			} else {
				s.rest = ""
			}
			return
		}
		if op := operatorOf(s.rest); op != "" {
			s.rest = s.rest[len(op):]
			if strings.ContainsAny(op, "<>") {
				skip = true
				continue
			}
			return
		}
		w := s.word()
		redirects := s.rest != "" && (s.rest[0] == '<' || s.rest[0] == '>') && strings.Trim(w.text, "0123456789") == "" && !w.quoted
		if !skip && !redirects {
			s.command = append(s.command, w)
		}
		skip = false
	}
}

// operatorOf is the operator at the beginning of a text.
func operatorOf(text string) string {
	for _, op := range []string{"&&", "||", ";;", "&>", ">&", "<&", ">>", "<<", ">|", "<>", ";", "&", "|", "(", ")", "<", ">", "\n"} {
		if strings.HasPrefix(text, op) {
			return op
		}
	}
	return ""
}

// word reads one word.
func (s *shellText) word() shellWord {
	var w shellWord
	var text strings.Builder
	i := 0
	t := s.rest
	for i < len(t) && !strings.ContainsRune(" \t\r\n;&|()<>", rune(t[i])) {
		switch c := t[i]; c {
		case '\\':
			if i++; i == len(t) || t[i] == '\n' {
				s.open = true
				i = len(t)
				break
			}
			w.quoted = true
			text.WriteByte(t[i])
			i++
		case '\'':
			end := strings.IndexByte(t[i+1:], '\'')
			if end < 0 {
				end, s.open = len(t)-i-1, true
			}
			w.quoted = true
			text.WriteString(t[i+1 : i+1+end])
			i = min(len(t), i+end+2)
		case '"':
			w.quoted = true
			i += s.double(t[i:], &w, &text)
		case '$', '`':
			w.expands = true
			text.WriteByte(c)
			i += s.expansion(t[i:])
		default:
			w.expands = w.expands || strings.IndexByte("*?[~{", c) >= 0
			text.WriteByte(c)
			i++
		}
	}
	s.rest, w.text = t[i:], text.String()
	return w
}

// double reads "..." and gives its length.
func (s *shellText) double(t string, w *shellWord, text *strings.Builder) int {
	for i := 1; i < len(t); {
		switch c := t[i]; c {
		case '"':
			return i + 1
		case '\\':
			if i+1 < len(t) && slices.Contains([]byte("$`\"\\"), t[i+1]) {
				i++
			}
			text.WriteByte(t[i])
			i++
		case '$', '`':
			w.expands = true
			text.WriteByte(c)
			i += s.expansion(t[i:])
		default:
			text.WriteByte(c)
			i++
		}
	}
	s.open = true
	return len(t)
}

// expansion is the length of $..., $(...), ${...} or `...`. What stands in it
// is run by a shell of its own, which changes nothing here.
func (s *shellText) expansion(t string) int {
	if t[0] == '`' {
		if end := strings.IndexByte(t[1:], '`'); end >= 0 {
			return end + 2
		}
		s.open = true
		return len(t)
	}
	if len(t) < 2 || t[1] != '(' && t[1] != '{' {
		return 1
	}
	depth := 0
	for i := 1; i < len(t); i++ {
		switch t[i] {
		case '(', '{':
			depth++
		case ')', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '\\':
			i++
		}
	}
	s.open = true
	return len(t)
}
