package probes

import (
	"cmp"
	_ "embed"
	"regexp"
	"strings"
)

//go:embed logs.awk
var logsFilter string

// logsTexts puts what is generated into the script, after its names were made
// short: "resolve" in a text is none of our names.
func logsTexts(names shortNames) *strings.Replacer {
	flink := "$" + names.of("logs_flink")
	program := strings.NewReplacer("@FLINK@", flink, "@HEADS@", "$"+names.of("logs_heads"), "@KNOWN@", "$"+names.of("logs_known"), "@FRAMES@", frames)
	return strings.NewReplacer("@FLINK@", flinkName, "@KNOWN@", knownPattern(), "@HEADS@", strings.ReplaceAll(headPattern(), flinkName, flink),
		"@FILTER@", program.Replace(inQuotes(logsFilter)), "@CRASH@", inQuotes(hsErrFilter))
}

//go:embed hs_err.awk
var hsErrFilter string

// inQuotes is a program of awk as it stands between double quotes of the
// script: without comments and blanks, with its patterns left to the shell.
func inQuotes(program string) string {
	var b strings.Builder
	for line := range strings.Lines(program) {
		if line = strings.Trim(line, "\t\n"); line != "" && line[0] != '#' {
			b.WriteString(withoutBlanks(line) + "\n")
		}
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(strings.TrimSpace(b.String()))
}

// blanks are a string, a regular expression or a blank of awk. An expression
// comes behind an operator, and no quotient is in our program.
var blanks = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)*/| +`)

// withoutBlanks leaves out the blanks that do not divide two words.
func withoutBlanks(line string) string {
	var b strings.Builder
	at := 0
	code := func(s string) string {
		return filterWord.ReplaceAllStringFunc(s, func(w string) string { return cmp.Or(filterWords[w], w) })
	}
	for _, m := range blanks.FindAllStringIndex(line, -1) {
		b.WriteString(code(line[at:m[0]]))
		at = m[1]
		if line[m[0]] != ' ' {
			b.WriteString(line[m[0]:at])
		} else if m[0] > 0 && at < len(line) && wordLength(line[m[0]-1:]) > 0 && wordLength(line[at:]) > 0 {
			b.WriteByte(' ')
		}
	}
	return b.String() + code(line[at:])
}

// filterWords are the names of the programs as they stand in the program.
var filterWords = map[string]string{"entry": "e", "number": "m", "stamp": "t", "place": "p", "count": "c", "first": "f", "after": "a", "start": "r", "found": "o", "user": "u",
	"head": "h", "kinds": "w", "kind": "d", "last": "l", "text": "x", "part": "q", "frame": "j", "line": "y", "keep": "K", "finish": "F", "maps": "z", "below": "b", "value": "v", "lines": "g", "hide": "H", "told": "T", "word": "W", "option": "O", "tries": "R", "max": "M"}

var filterWord = regexp.MustCompile(`[a-z]+`)
