package probes

import "strings"

// shortWords are the words that own names of the shell begin with, and the
// letter that stands for each in the program: nofile_line is n_line. In the
// .sh files long names keep probes apart; in the program one letter does. Not
// here are flink and state: names of the program's second line begin with them.
var shortWords = map[string]byte{
	"address_space": 'a', "children": 'x', "disk": 'd', "each": 'k', "emit": 'e', "host": 'h', "jobmanager": 'j',
	"logs": 'l', "memory": 'm', "nofile": 'n', "owners": 'o', "reap": 'p', "resolve": 'r', "session": 's',
	"threads": 't', "user": 'u', "await": 'w', "glob": 'g',
}

// shortNames shortens the names of our own variables and functions. A name of
// a fact, a path or an option is none of them: there a dot, a slash or a
// hyphen comes before it.
func shortNames(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		n := wordLength(text[i:])
		if n == 0 {
			b.WriteByte(text[i])
			i++
			continue
		}
		word := text[i : i+n]
		if i == 0 || !strings.ContainsRune("./-", rune(text[i-1])) {
			word = shortName(word)
		}
		b.WriteString(word)
		i += n
	}
	return b.String()
}

// shortName is a name by its letter, or as it is. An underscore and more must
// follow the word: "session" alone may be a word of the wire.
func shortName(word string) string {
	if short, ok := wholeWords[word]; ok {
		return short
	}
	for at := strings.IndexByte(word, '_'); at > 0; {
		if letter, ok := shortWords[word[:at]]; ok && at+1 < len(word) {
			return string(letter) + word[at:]
		}
		next := strings.IndexByte(word[at+1:], '_')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return word
}

// wordLength is how many bytes of a name of the shell s begins with.
func wordLength(s string) int {
	n := 0
	for n < len(s) && (s[n] == '_' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z' || s[n] >= '0' && s[n] <= '9') {
		n++
	}
	return n
}

// wholeWords are names of our own that stand in the program so often that
// they have a shorter one there.
var wholeWords = map[string]string{
	"names": "nm", "homes": "hm", "pending": "pd", "javas": "js", "fact": "F", "unknown": "U", "unread": "R", "children": "ch", "resolve": "rs", "target": "tg",
	"is_regular": "reg", "resolved": "rp", "uid_home": "uh", "login_uid": "lu", "login_user": "ln", "login_groups": "lg",
	"tm_users": "tu", "flink_homes": "fh", "flink_log_dirs": "fld", "state_paths": "sp", "mount_point": "mp",
	"link_target": "lto", "live_limit": "ll", "live_status": "lst", "live_name": "lm",
}

// briefly is how the program writes what stands in it hundreds of times:
// prelude.sh opens descriptor 9 and gives the root a short name.
var briefly = strings.NewReplacer("2>/dev/null", "2>&9", "$root", "$r")

// withoutComments leaves out comments, blank lines, indentation and blanks
// that only please the eye: with them the program would pass MaxScript. They
// are in the .sh files.
func withoutComments(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, "\t")
		if t := strings.TrimSpace(line); t == "" || t[0] == '#' {
			continue
		}
		line = shortArm(line)
		if rest, ok := strings.CutSuffix(line, " ;;\n"); ok {
			line = rest + ";;\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// shortArm leaves out the blanks around the bars of an arm of case:
// "a | b) do" is "a|b) do".
func shortArm(line string) string {
	words, rest, ok := strings.Cut(line, ")")
	if !ok || !strings.Contains(words, " | ") || strings.ContainsAny(words, "(\"'$") {
		return line
	}
	short := strings.ReplaceAll(words, " | ", "|")
	if strings.Contains(short, " ") {
		return line
	}
	return short + ")" + rest
}
