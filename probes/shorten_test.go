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
	names := shortNamesOf(text)
	long := map[string]string{} // short name -> the name it stands for
	eachWord(text, func(word string, own bool) {
		short := names.of(word)
		if old, ok := long[short]; ok && old != word {
			t.Errorf("%s and %s are both %s", old, word, short)
		}
		long[short] = word
	})
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
		{"a variable", `echo "$nofile_line"`, `echo "$n_l"`},
		{"a function", "nofile_section() {", "n_s() {"},
		{"a word with an underscore", "address_space_owner 1", "a_o 1"},
		{"a fact", "fact nofile.session_limit 1", "F nofile.session_limit 1"},
		{"a path", "$root/proc/sys/vm/memory_x", "$root/proc/sys/vm/memory_x"},
		{"names that are alike", "nofile_line nofile_limit", "n_li n_l"},
		{"a name made at run time", "eval nofile_row_$n; nofile_row_0=", "eval n_row_$n; n_row_0="},
		{"a longer word", "my_nofile_line", "my_nofile_line"},
		{"the word alone", "session logs_", "session logs_"},
	} {
		if got := shortNamesOf(row.text).in(row.text); got != row.want {
			t.Errorf("%s: names of %q = %q, want %q", row.name, row.text, got, row.want)
		}
	}
}

func TestMinifyKeepsTheProgram(t *testing.T) {
	t.Parallel()
	in := "# why\n\nf() {\n\tcase $x in\n\ta | b) echo 1 ;;\n\t\"a | b\") echo \"# no\n\t| yes\" || : ;;\n\tesac\n}\n"
	want := "f(){\ncase $x in\na|b)echo 1;;\n\"a | b\")echo \"# no\n\t| yes\"||:\nesac\n}\n"
	if got := minify("in", in); got != want {
		t.Errorf("minify = %q, want %q", got, want)
	}
	if strings.Contains(NewScript("n").body, "\n#") {
		t.Error("the program has a comment")
	}
}
