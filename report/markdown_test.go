package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// unmarked is what Markdown of one line shows that has no markup but backslashes,
// entities and code spans. bare has "\x00" for each sign that was protected.
func unmarked(md string) (text, bare string) {
	var t, b strings.Builder
	for md != "" {
		switch {
		case md[0] == '\\' && len(md) > 1 && strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", rune(md[1])):
			t.WriteByte(md[1])
			b.WriteByte(0)
			md = md[2:]
		case strings.HasPrefix(md, "&lt;"), strings.HasPrefix(md, "&gt;"):
			t.WriteByte(map[string]byte{"&lt;": '<', "&gt;": '>'}[md[:4]])
			b.WriteByte(0)
			md = md[4:]
		case strings.HasPrefix(md, "&amp;"):
			t.WriteByte('&')
			b.WriteByte(0)
			md = md[5:]
		case md[0] == '`':
			rest := strings.TrimLeft(md, "`")
			fence := md[:len(md)-len(rest)]
			body, after, ok := strings.Cut(rest, fence)
			if !ok {
				return t.String() + md, b.String() + md
			}
			if len(body) > 1 && body[0] == ' ' && body[len(body)-1] == ' ' && strings.Trim(body, " ") != "" {
				body = body[1 : len(body)-1]
			}
			t.WriteString(body)
			b.WriteByte(0)
			md = after
		default:
			t.WriteByte(md[0])
			b.WriteByte(md[0])
			md = md[1:]
		}
	}
	return t.String(), b.String()
}

// markup is what GitHub would not show as it is: code, emphasis, strike, HTML,
// entities, a link, an image, a cell, math, who or what is told of it.
var markup = regexp.MustCompile("[`*\\[|~$<>&@#]|(?:^|[^0-9A-Za-z])_|_(?:[^0-9A-Za-z]|$)|://|(?i:www\\.)|(?i:mailto:|xmpp:)|^[-+=].|^[0-9]+\\.(?: |$)")

var hostileMarkdown = []string{
	"", " ", " a ", "plain", "a|b", "`code`", "``", "a`", "\\", "\\|", "<img src=x onerror=alert(1)>", "</sub>", "&lt;", "&#64;team", "@team", "see #12", "org/repo#1",
	"[x](javascript:1)", "![x](http://evil/p.png)", "[^1]", "[x]: http://evil", "http://evil", "HTTPS://evil", "www.evil.com", "WWW.evil.com", "mailto:a@b.c", "*a*", "_a_", "a_b_c", "__init__", "~~a~~", "$a$",
	"- x", "+ x", "1. x", "12.", "# x", "=== x", "> x", "-", "--all", "|---|", "a\\`b", "\x1b[2J\n## all ok\u202e",
}

func TestMarkdownShowsTheTextAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, s := range hostileMarkdown {
		checkMarkdown(t, s)
	}
}

func FuzzMarkdownText(f *testing.F) {
	for _, s := range hostileMarkdown {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkMarkdown(t, s) })
}

func checkMarkdown(t *testing.T, s string) {
	t.Helper()
	s = Escape(s)
	text, bare := unmarked(markdownText(s))
	if text != s {
		t.Errorf("markdownText(%q) shows %q", s, text)
	}
	if s != "-" && markup.MatchString(bare) {
		t.Errorf("markdownText(%q) = %q has markup: %q", s, markdownText(s), markup.FindString(bare))
	}
	if text, bare := unmarked(codeSpan(s)); s != "" && text != s || s != "" && bare != "\x00" {
		t.Errorf("codeSpan(%q) = %q shows %q", s, codeSpan(s), text)
	}
}

// TestNoHostForgesMarkdown: whatever hosts send, lines and cells are ours.
func TestNoHostForgesMarkdown(t *testing.T) {
	t.Parallel()
	var hosts []*Host
	for i, evil := range hostileMarkdown {
		if evil == "" {
			continue
		}
		h := nearMaps(i+1, evil)
		h.Findings[0].Message, h.Findings[0].Remedy, h.Causes[0].Message, h.Causes[0].Remedy = evil, evil, evil, evil
		h.Causes[0].Cause = "max_map_count" + evil
		h.set("disk", probes.StatusUnknown, evil, evil)
		hosts = append(hosts, h, lostHost(i+100, Unreachable{Phase: "auth", Reason: evil, Hint: evil}))
	}
	out := string(render(t, "md", Options{All: true}, testRun(len(hosts)), hosts, true))
	columns := 0
	for l := range strings.Lines(out) {
		l = strings.TrimSuffix(l, "\n")
		switch {
		case strings.HasPrefix(l, "|"):
			_, bare := unmarked(l)
			if columns == 0 {
				columns = strings.Count(bare, "|")
			}
			if n := strings.Count(bare, "|"); n != columns && !strings.HasPrefix(l, "|---") {
				t.Errorf("%d cells, want %d: %s", n-1, columns-1, l)
			}
		case strings.HasPrefix(l, "#"):
			if l != "### Causes" && l != "### Findings" && !strings.HasPrefix(l, "## tmdoctor: ") {
				t.Errorf("a heading is not ours: %s", l)
			}
		default:
			body := regexp.MustCompile(`^(  )?- (\*\*[A-Z]+\*\* |remedy: )?|^<sub>|</sub>$`).ReplaceAllString(l, "")
			if _, bare := unmarked(body); markup.MatchString(bare) && !strings.HasPrefix(bare, "-") {
				t.Errorf("markup of a host: %s", l)
			}
		}
	}
}

// TestMarkdownFitsAComment: ten thousand sick hosts whose texts are long and
// different are still one comment of GitHub, and none is passed over in silence.
func TestMarkdownFitsAComment(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a_ [b] ", 2000)
	var hosts []*Host
	for i := 1; i <= 10000; i++ {
		hosts = append(hosts, nearMaps(i, "60000"))
	}
	for i, h := range hosts[:100] {
		h.find(probes.Fail, "disk/full", "", "", "", strings.Repeat("x", i)+long, long[i:])
	}
	out := render(t, "md", Options{}, testRun(len(hosts)), hosts, true)
	if len(out) > 65536 {
		t.Errorf("%d characters", len(out))
	}
	for _, want := range []string{"and 9980 more; --all shows every host\n", "more findings"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("it lacks %q", want)
		}
	}
}
