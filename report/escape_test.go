package report

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscapeShowsWhatATerminalWouldObey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"plain text stays", `C:\flink "λ" 磁盘 é 🙂`, `C:\flink "λ" 磁盘 é 🙂`},
		{"newline, return and tab", "a\nb\rc\td", `a\nb\rc\td`},
		{"clear screen", "\x1b[2J", `\x1b[2J`},
		{"bell, backspace, null, delete", "\a\b\x00\x7f", `\x07\x08\x00\x7f`},
		{"C1 as a rune", "\u009b31m\u0085", `\u009b31m\u0085`},
		{"C1 as a byte", "\x9b31m", `\x9b31m`},
		{"bytes that are not UTF-8", "\xff\xc3(", `\xff\xc3(`},
		{"the replacement character itself", "\ufffd", "\ufffd"},
		{"right to left", "\u202egnp.exe\u2069\u200f\u061c", `\u202egnp.exe\u2069\u200f\u061c`},
		{"line and paragraph separators", "\u2028\u2029", `\u2028\u2029`},
		{"zero width", "\u200b\u200d\ufeff\u00ad\u2060", `\u200b\u200d\ufeff\u00ad\u2060`},
		{"invisible letters, tags, variation selectors", "\u3164\U000e0041\ufe0f", `\u3164\U000e0041\ufe0f`},
		{"spaces that are none", "a\u00a0b\u3000", `a\u00a0b\u3000`},
	} {
		if got := Escape(c.in); got != c.want {
			t.Errorf("%s: Escape(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

// TestShellWordIsOneWord: a shell reads back what was given, also after Escape
// has shown what a terminal would obey.
func TestShellWordIsOneWord(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ in, want string }{
		{"tm[1-3]", "'tm[1-3]'"}, {"tm17", "tm17"}, {"/opt/a-b_c.d:e@f,g=h+i%j", "/opt/a-b_c.d:e@f,g=h+i%j"},
		{"", "''"}, {"it's", `'it'\''s'`}, {"a b; reboot", "'a b; reboot'"}, {"$(x)`y`", "'$(x)`y`'"}, {"~/x", "'~/x'"}, {"é", "'é'"},
	} {
		if got := ShellWord(row.in); got != row.want {
			t.Errorf("ShellWord(%q) = %q, want %q", row.in, got, row.want)
		}
	}
	if got, want := Escape(ShellWord("a\nb\x1b")), `'a\nb\x1b'`; got != want {
		t.Errorf("a hostile word is shown as %q, want %q", got, want)
	}
}

// harmless says whether nothing in s moves a cursor, hides or turns text.
func harmless(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r != ' ' && !unicode.IsGraphic(r) || unicode.In(r, unicode.Zs, unicode.Bidi_Control) && r != ' '
	})
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b]0;x\a", "\u202e\u2066", "\xf0\x9f\x98", "a\x9bb", `\n`, "\U000e0001", "e\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		if !harmless(got) {
			t.Errorf("Escape(%q) = %q lets something through", s, got)
		}
		if again := Escape(got); again != got {
			t.Errorf("Escape(%q) = %q, and again %q", s, got, again)
		}
		if harmless(s) && len(got) != len(s) && !strings.ContainsFunc(s, unsafeRune) {
			t.Errorf("Escape(%q) = %q changes harmless text", s, got)
		}
		for n := 1; n < 9; n++ {
			if cut := cutMiddle(got, n, ".."); n > 1 && width(cut) > n {
				t.Errorf("cutMiddle(%q, %d) = %q of %d columns", got, n, cut, width(cut))
			}
		}
	})
}

func FuzzJSONIsSafeToShow(f *testing.F) {
	for _, s := range []string{"plain", "\u009b31m", "\u202e", "\x7f", "\U000e0041", "\xff", "<&>", "🙂\u200b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := encodeJSON(s)
		if err != nil {
			t.Fatal(err)
		}
		if !harmless(string(b)) {
			t.Errorf("encodeJSON(%q) = %q lets something through", s, b)
		}
		var back string
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("encodeJSON(%q) = %q: %v", s, b, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); utf8.ValidString(s) && back != want {
			t.Errorf("encodeJSON(%q) reads back as %q", s, back)
		}
	})
}
