package probes

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// shortWords are the words that own names of the shell begin with, and the
// letter that stands for each in the program: nofile_line is n_line. In the
// .sh files long names keep probes apart; in the program one letter does. Not
// here are flink and state: names of the program's second line begin with them.
var shortWords = map[string]byte{
	"address_space": 'a', "children": 'x', "disk": 'd', "each": 'k', "emit": 'e', "host": 'h', "jobmanager": 'j',
	"logs": 'l', "memory": 'm', "nofile": 'n', "owners": 'o', "reap": 'p', "resolve": 'r', "session": 's',
	"threads": 't', "user": 'u', "await": 'w', "glob": 'g', "limit": 'q', "maps": 'y', "section": 'z',
}

// shortNames are the names of a program's own variables and functions, as they
// are written and as they stand in it: nofile_line is n_l, its word by a letter
// and the rest by as few letters as keep it apart.
type shortNames map[string]string

// shortNamesOf finds the names of a program. The most frequent get the
// shortest. What a name is put together from at run time ("c_prefix_$n") stays.
func shortNamesOf(text string) shortNames {
	count, made := map[string]int{}, []string{}
	eachWord(text, func(word string, own bool) {
		if own {
			word = shortName(word)
		}
		if count[word]++; strings.HasSuffix(word, "_") && len(word) > 2 {
			made = append(made, word)
		}
	})
	words := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(count[b]-count[a], strings.Compare(a, b))
	})
	names, taken := shortNames{}, map[string]bool{}
	for _, word := range words {
		prefix, rest, _ := strings.Cut(word, "_")
		if !slices.Contains(ownPrefixes, prefix) || slices.ContainsFunc(made, func(m string) bool { return strings.HasPrefix(word, m) }) {
			continue
		}
		for n := 1; n < len(rest); n++ {
			short := word[:len(prefix)+1+n]
			if !taken[short] && count[short] == 0 && short[len(short)-1] != '_' {
				names[word], taken[short] = short, true
				break
			}
		}
	}
	return names
}

// of is how a name stands in the program.
func (names shortNames) of(word string) string {
	word = shortName(word)
	return cmp.Or(names[word], word)
}

// in is the program with its names made short.
func (names shortNames) in(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	at := 0
	eachWord(text, func(word string, own bool) {
		i := at + strings.Index(text[at:], word)
		b.WriteString(text[at:i])
		if own {
			b.WriteString(names.of(word))
		} else {
			b.WriteString(word)
		}
		at = i + len(word)
	})
	return b.String() + text[at:]
}

// eachWord calls visit with every word of a text, and whether it may be a name
// of ours. That of a fact, a path or an option is none: there a dot, a slash or
// a hyphen comes before it.
func eachWord(text string, visit func(word string, own bool)) {
	for i := 0; i < len(text); {
		n := wordLength(text[i:])
		if n > 0 {
			visit(text[i:i+n], i == 0 || !strings.ContainsRune("./-", rune(text[i-1])))
		}
		i += max(n, 1)
	}
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

// ownPrefixes are what our names begin with, before an underscore.
var ownPrefixes = append(strings.Split("f c nf th", " "), letters()...)

func letters() (list []string) {
	for _, letter := range shortWords {
		list = append(list, string(letter))
	}
	return list
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
	"by_line": "bL", "by_word": "bW", "whole_words": "uI", "f_fact": "fF", "near": "n1", "one_line": "oL", "ticker_start": "tS", "ticker_stop": "tE", "ticker": "tK",
	"is_regular": "reg", "resolved": "rp", "uid_home": "uh", "login_uid": "lu", "login_user": "ln", "login_groups": "lg",
	"tm_users": "tu", "flink_homes": "fh", "flink_log_dirs": "fld", "state_paths": "sp", "mount_point": "mp",
	"link_target": "lto", "live_limit": "ll", "live_status": "lst", "live_name": "lm",
	"c_value": "cV", "c_depth": "cD", "c_body": "cB", "c_prefix": "cP", "c_key": "cK", "f_pid": "fP", "f_dir": "fD", "f_path": "fA", "f_states": "fS",
	"f_home_dir": "fH", "f_todo": "fT", "f_owner_uid": "fO", "emit_line": "eL", "emit_file": "eF", "emit_kind": "eK", "emit_text": "eT", "emit_only": "eO",
	"each_line": "kL", "logs_dir": "lD", "logs_file": "lF", "logs_seen": "lS", "logs_name": "lN", "nf_unit_file": "nU", "sshd_pid": "sP", "owners_unseen": "oU",
}

// briefly is how the program writes what stands in it hundreds of times:
// prelude.sh opens descriptor 9, gives the root and its /proc short names, and
// has words for lists that are lines.
var briefly = strings.NewReplacer(
	">/dev/null 2>&1", ">&9 2>&9", ">/dev/null", ">&9",
	"$root/proc/", "$q/", "$root/.tmdoctor/", "$T/", "$root", "$r",
	"IFS=$nl\nset -f\n", "bL\n", "set -f\nIFS=$nl\n", "bL\n", "unset IFS\nset +f\n", "bW\n", "set +f\nunset IFS\n", "bW\n", "unset IFS\n", "uI\n",
	`[ -n "$`, `[ "$`, `"needs a live kernel"`, `"$K"`,
	`F "flink.$fP.`, `fF "`,
)

// minify leaves out comments, indentation and every blank that the shell does
// not need: with them the program would pass MaxScript. They are in the .sh
// files. It panics on what is no program, a mistake that every test meets.
func minify(name, text string) string {
	f, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), name)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	if err := syntax.NewPrinter(syntax.Minify(true)).Print(&b, f); err != nil {
		panic(err)
	}
	return b.String()
}
