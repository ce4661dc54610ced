package probes

import (
	"strings"
	"testing"
)

// TestShortNamesKeepNamesApart: two names of the .sh files are never one name
// in the program.
func TestShortNamesKeepNamesApart(t *testing.T) {
	t.Parallel()
	text := preludeScript + sessionScript + loginsScript + unitsScript + mainScript
	for _, p := range All {
		text += p.Script
	}
	long := map[string]string{} // short name -> the name it stands for
	for i := 0; i < len(text); i++ {
		n := wordLength(text[i:])
		if n == 0 {
			continue
		}
		word := text[i : i+n]
		short := shortName(word)
		if old, ok := long[short]; ok && old != word {
			t.Errorf("%s and %s are both %s", old, word, short)
		}
		long[short] = word
		i += n
	}
	letters := map[byte]string{}
	for word, letter := range shortWords {
		if letters[letter] != "" {
			t.Errorf("%s and %s have the letter %c", letters[letter], word, letter)
		}
		letters[letter] = word
	}
}

func TestShortNames(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, want string }{
		{"a variable", `echo "$nofile_line"`, `echo "$n_line"`},
		{"a function", "nofile_section() {", "n_section() {"},
		{"a word with an underscore", "address_space_owner 1", "a_owner 1"},
		{"a fact", "fact nofile.session_limit 1", "F nofile.session_limit 1"},
		{"a path", "$root/proc/sys/vm/memory_x", "$root/proc/sys/vm/memory_x"},
		{"a longer word", "my_nofile_line", "my_nofile_line"},
		{"the word alone", "session logs_", "session logs_"},
	} {
		if got := shortNames(row.text); got != row.want {
			t.Errorf("%s: shortNames(%q) = %q, want %q", row.name, row.text, got, row.want)
		}
	}
}

func TestWithoutCommentsKeepsTheProgram(t *testing.T) {
	t.Parallel()
	in := "# why\n\n\tcase $x in\n\ta | b) echo 1 ;;\n\t\"a | b\") echo \"# no\" ;;\n\tesac\n"
	want := "case $x in\na|b) echo 1;;\n\"a | b\") echo \"# no\";;\nesac\n"
	if got := withoutComments(in); got != want {
		t.Errorf("withoutComments = %q, want %q", got, want)
	}
	if strings.Contains(NewScript("n").body, "\n#") {
		t.Error("the program has a comment")
	}
}
