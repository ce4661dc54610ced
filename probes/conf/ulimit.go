package conf

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Ulimit is a limit that a line of a shell's start file may change.
type Ulimit struct {
	At         Place
	Text       string // the line, without blanks around it; the beginning of a long one
	Item       string // of limits.conf(5)
	Soft, Hard bool   // which of the two
	Value      Rlimit // in the units of setrlimit(2)
	Known      bool   // Value is what the line sets, if it is run
}

// UlimitLine says which limits a line of a shell script may change. Nothing is
// run: what a variable or a command would give is not known.
//
// A line alone never tells that it is run, nor by which shell: it may stand
// inside an if of other lines, behind && or in a subshell. What is found may be
// changed, not more. Nor does it tell the
// shell. Letters that mean one thing in bash and another in dash, and units
// that differ, have no known value: -p is nproc in dash and mksh and the size
// of pipes in bash, -f and -c count 512 bytes in dash and 1024 in bash.
func UlimitLine(at Place, text string) []Ulimit {
	found := ulimits(text, 0)
	if len(found) > 0 {
		text = kept(strings.TrimSpace(text))
	}
	for i := range found {
		found[i].At, found[i].Text = at, text
	}
	return found
}

// ulimitItems are the letters of bash, dash, mksh and ksh with the item and
// what one of their units is in setrlimit's; 0 marks those that are not the
// same in every shell.
var ulimitItems = map[byte]struct {
	item string
	unit uint64
}{
	'n': {"nofile", 1}, 'u': {"nproc", 1}, 'p': {"nproc", 0}, 'v': {"as", 1024}, 'm': {"rss", 1024}, 's': {"stack", 1024},
	'd': {"data", 1024}, 'l': {"memlock", 1024}, 'c': {"core", 0}, 'f': {"fsize", 0}, 't': {"cpu", 1}, 'i': {"sigpending", 1},
	'q': {"msgqueue", 1}, 'e': {"nice", 1}, 'r': {"rtprio", 0}, 'x': {"locks", 1}, 'w': {"locks", 0}, 'R': {"rttime", 1},
}

// maxShells bounds texts that are run by commands in texts that are run.
const maxShells = 3

// ulimits are the limits that the commands of a text change.
func ulimits(text string, depth int) (all []Ulimit) {
	if depth > maxShells || !strings.Contains(text, "limit") {
		return nil
	}
	s := shellText{rest: text}
	for s.next() {
		words := s.command
		for len(words) > 0 && (slices.Contains([]string{"builtin", "command", "time", "!", "{"}, words[0].text) || words[0].assigns()) {
			if words[0].assigns() {
				all = append(all, doubts(words[:1], depth)...)
			}
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		if words[0].text != "ulimit" || words[0].expands {
			if slices.Contains(runsText, baseName(words[0].text)) {
				all = append(all, doubts(words[1:], depth)...)
			}
			continue
		}
		all = append(all, ulimitCommand(words[1:], s.open)...)
	}
	return all
}

// runsText are commands that may run a text they are given.
var runsText = []string{
	"eval", "alias", "export", "readonly", "declare", "typeset", "local", "trap", "exec", "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "su", "sudo", "doas", "runuser",
	"env", "nice", "nohup", "setsid", "timeout", "xargs", "busybox",
}

// doubts are the limits that a text would change if it were run.
func doubts(words []shellWord, depth int) (all []Ulimit) {
	for _, w := range words {
		if !w.quoted && !w.assigns() {
			continue
		}
		_, text, ok := strings.Cut(w.text, "=")
		if !w.assigns() || !ok {
			text = w.text
		}
		for _, u := range ulimits(text, depth+1) {
			u.Value, u.Known = 0, false
			all = append(all, u)
		}
	}
	return all
}

// ulimitCommand reads the words behind ulimit. open says that the command goes
// on in another line.
func ulimitCommand(words []shellWord, open bool) []Ulimit {
	type setting struct {
		letter byte
		value  *shellWord
	}
	var settings []setting
	soft, hard, prints, options := false, false, false, true
	for i := range words {
		w := words[i]
		if !options || !strings.HasPrefix(w.text, "-") || len(w.text) < 2 || w.text[1] >= '0' && w.text[1] <= '9' {
			if len(settings) == 0 { // fsize is what no letter means
				settings = append(settings, setting{letter: 'f'})
			}
			if last := &settings[len(settings)-1]; last.value == nil {
				last.value = &words[i]
			}
			continue
		}
		if w.text == "--" {
			options = false
			continue
		}
		for j := 1; j < len(w.text); j++ {
			switch c := w.text[j]; {
			case c == 'H':
				hard = true
			case c == 'S':
				soft = true
			case c == 'a':
				prints = true
			case c >= '0' && c <= '9' || strings.HasPrefix(w.text[j:], "unlimited"):
				if len(settings) > 0 && settings[len(settings)-1].value == nil {
					rest := w
					rest.text = w.text[j:]
					settings[len(settings)-1].value = &rest
				}
				j = len(w.text)
			default:
				settings = append(settings, setting{letter: c})
			}
		}
	}
	if prints {
		return nil
	}
	var all []Ulimit
	for i, set := range settings {
		item, ok := ulimitItems[set.letter]
		if !ok || set.value == nil && !(open && i == len(settings)-1) {
			continue
		}
		u := Ulimit{Item: item.item, Soft: soft || !hard, Hard: hard || !soft}
		if !open && set.value != nil {
			u.Value, u.Known = ulimitValue(*set.value, item.unit)
		}
		all = append(all, u)
	}
	return all
}

// ulimitValue is a value that the word plainly says.
func ulimitValue(w shellWord, unit uint64) (Rlimit, bool) {
	switch {
	case w.expands || unit == 0 && w.text != "unlimited":
		return 0, false
	case w.text == "unlimited":
		return RlimitInfinity, true
	case w.text == "" || strings.Trim(w.text, "0123456789") != "" || len(w.text) > 1 && w.text[0] == '0':
		return 0, false
	}
	n, err := strconv.ParseUint(w.text, 10, 64)
	if err != nil || n >= math.MaxUint64/unit {
		return 0, false
	}
	return Rlimit(n * unit), true
}
