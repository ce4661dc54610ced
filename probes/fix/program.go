package fix

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

//go:embed words.sh
var wordsScript string

//go:embed files.sh
var filesScript string

//go:embed values.sh
var valuesScript string

//go:embed units.sh
var unitsScript string

//go:embed lock.sh
var lockScript string

//go:embed runs.sh
var runsScript string

//go:embed inspect.sh
var inspectScript string

//go:embed restore.sh
var restoreScript string

//go:embed apply.sh
var applyScript string

//go:embed rollback.sh
var rollbackScript string

// ErrTruncated is an answer without its end: conclude nothing from it, and ask
// the host what it is like.
var ErrTruncated = errors.New("the host's answer has no end")

// program puts a program together: all of it is one function that is called on
// the last line, so that a program cut anywhere does nothing. Its own standard
// input is descriptor 3; nothing that it starts reads from there.
func program(settings, main string, parts ...string) []byte {
	var b strings.Builder
	b.WriteString("tmdoctor_fix() {\n")
	b.WriteString(settings)
	for _, part := range parts {
		b.WriteString(part)
	}
	fmt.Fprintf(&b, "{\n\t%s\n\texit\n} 3<&0 </dev/null\n}\ntmdoctor_fix\n", main)
	return []byte(b.String())
}

// settings are assignments, in the order they are given in.
func settings(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "%s=%s\n", pairs[i], quote(pairs[i+1]))
	}
	return b.String()
}

// Inspect is the program that reads what a query asks for. It changes nothing.
func Inspect(nonce string, q Query) []byte {
	var b strings.Builder
	b.WriteString("query() {\n\t:\n")
	for _, p := range q.Paths {
		if isPlainPath(p) {
			fmt.Fprintf(&b, "\tlook %s\n", quote(p))
		}
	}
	for _, key := range q.Sysctls {
		if p, ok := sysctlPath(key); ok {
			fmt.Fprintf(&b, "\tlook_sysctl %s %s\n", quote(key), quote(p))
		}
	}
	for _, pid := range q.PIDs {
		fmt.Fprintf(&b, "\tlook_process %d\n", pid)
	}
	for _, unit := range q.Units {
		if isName(unit) {
			fmt.Fprintf(&b, "\tlook_unit %s\n", quote(unit))
		}
	}
	for _, user := range q.Users {
		if isName(user) {
			fmt.Fprintf(&b, "\tlook_session %s\n", quote(user))
		}
	}
	b.WriteString("}\n")
	run := q.Run
	if !isWord(run) {
		run = ""
	}
	return program(settings("nonce", nonce, "run", run, "who", ""), "inspect",
		wordsScript, filesScript, valuesScript, lockScript, runsScript, inspectScript, b.String())
}

// isName reports whether a name of a user or a unit can be an argument: one
// line that is no option and leaves no directory.
func isName(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsAny(s, "\n\x00/ ")
}

// sysctlPath is where a key lies below /proc/sys: vm.max_map_count.
func sysctlPath(key string) (string, bool) {
	p := strings.ReplaceAll(key, ".", "/")
	ok := isPlainPath("/"+p) && !strings.Contains(key, "/") && !strings.ContainsAny(p, " \t")
	return p, ok
}

// Apply is the program that applies a plan. It prints AppliedMark when all is
// changed, then waits for one line on standard input, [Keep] or [Back]; the end
// of the input, any other line and its own clock (patience, in seconds) mean
// back. With wait false it keeps without being told to: a script for a person
// to run.
func Apply(nonce, run, who string, p *Plan, patience int, wait bool) []byte {
	waits := ""
	if wait {
		waits = "1"
	}
	return applying(nonce, run, who, p, patience, waits, "apply", applyScript)
}

// applying is a program that has the bytes of a plan.
func applying(nonce, run, who string, p *Plan, patience int, waits, main string, parts ...string) []byte {
	manifest, err := manifestOf(p)
	if err == nil && !isWord(run) {
		err = fmt.Errorf("%q cannot name a run", run)
	}
	refused := ""
	if err != nil {
		refused = err.Error()
	}
	var contents strings.Builder
	contents.WriteString(contentFunction("manifest", []byte(manifest)))
	for i, f := range p.Files {
		contents.WriteString(contentFunction(strconv.Itoa(i+1), f.After))
	}
	return program(settings("nonce", nonce, "run", word(run), "who", word(who), "force", "",
		"refused", refused, "patience", strconv.Itoa(patience), "wait", waits), main,
		changing(append(parts, contents.String())...)...)
}

// manifestOf is a plan without its texts, a line each change, as each_line in
// runs.sh reads it. The error is what no line can say.
func manifestOf(p *Plan) (string, error) {
	var b strings.Builder
	for i, f := range p.Files {
		if !isPlainPath(f.Path) {
			return "", fmt.Errorf("%q is not a plain path", f.Path)
		}
		mode, err := strconv.ParseUint(f.Mode, 8, 12)
		if err != nil || !isHash(f.AfterSHA256) || f.Absent != (f.BeforeSHA256 == "") ||
			!f.Absent && !isHash(f.BeforeSHA256) || word(f.Owner) != strings.Replace(f.Owner, ":", "_", 1) {
			return "", fmt.Errorf("the plan for %q is not whole", f.Path)
		}
		makes := "0"
		if f.MakeDir {
			makes = "1"
		}
		fmt.Fprintf(&b, "file %d %s %s %04o %s %s %s\n", i+1, orDash(f.BeforeSHA256), f.AfterSHA256, mode, f.Owner, makes, f.Path)
	}
	for _, l := range p.Live {
		key, ok := "-", l.Kind == LiveProcess && l.PID > 0 && isValue(l.Started)
		if l.Kind == LiveSysctl {
			key, ok = sysctlPath(l.Setting)
		}
		if !ok || !isWord(l.Setting) || !isValue(l.Before) || !isValue(l.After) {
			return "", fmt.Errorf("the plan for %s %q is not whole", l.Kind, l.Setting)
		}
		pid, started := "-", "-"
		if l.Kind == LiveProcess {
			pid, started = strconv.Itoa(l.PID), l.Started
		}
		fmt.Fprintf(&b, "live %s %s %s %s %s %s %s\n", l.Kind, l.Setting, pid, started, l.Before, l.After, key)
	}
	if p.Reload {
		b.WriteString("reload - - - - - - -\n")
	}
	for _, unit := range p.Restart {
		if !isName(unit) {
			return "", fmt.Errorf("%q cannot name a unit", unit)
		}
		fmt.Fprintf(&b, "restart - - - - - - %s\n", unit)
	}
	fmt.Fprintf(&b, "end %s\n", sum([]byte(b.String())))
	return b.String(), nil
}

// isValue reports whether a text is a number, "unlimited", or two of these with
// a colon.
func isValue(s string) bool {
	for _, part := range strings.SplitN(s, ":", 2) {
		if part != "unlimited" && (part == "" || strings.Trim(part, "0123456789") != "") {
			return false
		}
	}
	return true
}

func isHash(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Rollback is the program that undoes a run from what the host kept of it. It
// refuses where somebody edited since, unless force.
func Rollback(nonce, run, who string, force bool) []byte {
	forced := ""
	if force {
		forced = "1"
	}
	return ending(nonce, run, who, forced, "rollback")
}

// Settle is the program that keeps a run which was applied and verified but
// not told to stay: its connection had ended.
func Settle(nonce, run, who string) []byte { return ending(nonce, run, who, "", "settle") }

func ending(nonce, run, who, force, main string) []byte {
	refused := ""
	if !isWord(run) {
		refused = fmt.Sprintf("%q cannot name a run", run)
	}
	return program(settings("nonce", nonce, "run", word(run), "who", word(who), "force", force, "refused", refused),
		main, changing(rollbackScript)...)
}

// changing are the parts of every program that changes a host, and others.
func changing(others ...string) []string {
	return append([]string{wordsScript, filesScript, valuesScript, unitsScript, lockScript, runsScript, restoreScript}, others...)
}

// AppliedMark is the line after which [Apply] waits for a verdict.
func AppliedMark(nonce string) string { return "tmdoctor:applied:" + nonce }

// EndMark is the last line of every program here.
func EndMark(nonce string) string { return "tmdoctor:end:" + nonce }

// Keep and Back are the verdicts on an applied plan.
func Keep(nonce string) string { return "keep " + nonce }

// Back is the verdict that rolls an applied plan back.
func Back(nonce string) string { return "back " + nonce }
