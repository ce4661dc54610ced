package probes

import (
	"cmp"
	"fmt"
	"strings"
)

// A remedy is text that an operator may paste into a root shell, and parts of
// it come from the host: such a part is always one shell word.

// shellWord is s as one word of a POSIX shell.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// raiseNoFile is how the next start of a TaskManager gets a limit of open
// files, by what starts it.
func raiseNoFile(in Input, tm TaskManager, want Limit) string {
	return starterOf(in, tm).raise("nofile", want)
}

// restartFor is how a TaskManager gets the limit that is configured already.
func restartFor(in Input, tm TaskManager, item string, want Limit) string {
	s := starterOf(in, tm)
	return s.again() + s.atOnce(item, want)
}

// limitsConf is the pair of lines that gives a user a limit at login. They
// name the user, because * and @group lose to any such line, and * does not
// reach root on Debian; and soft and hard apart, because a line of type - is
// dropped where another one already holds the soft limit.
func limitsConf(in Input, user, item string, want Limit) string {
	account := user
	if strings.Trim(user, "0123456789") == "" {
		// A number alone is a user's name to pam_limits.
		user = cmp.Or(in.Facts.Login.Accounts[user].Or(Account{}).Name, ":"+user)
	}
	if boot, ok := bootOfUser(in, account, item); ok && min(boot.pair.Soft, boot.pair.Hard) >= want {
		return fmt.Sprintf("nothing to write: the files give %s already (%s)", boot.pair.show(), boot.source)
	}
	text := fmt.Sprintf("in /etc/security/limits.conf: %s soft %s %s and %s hard %s %s", user, item, want, user, item, want)
	if at := decidedAt(in, account, item); at != "" {
		text += " (instead of " + at + ")"
	}
	return text
}

// decidedAt is the line that decides a user's limit in a new session: as it
// was resolved, or where that is not known the last one that surely covers the
// user. Lines from which a limit is gone are nobody's.
func decidedAt(in Input, user, item string) string {
	if boot, ok := bootOfUser(in, user, item); ok {
		return cmp.Or(boot.at, boot.softAt)
	}
	if lines := limitsEvidence(in.Facts, user, item); len(lines) > 0 {
		return lines[len(lines)-1].Source
	}
	return ""
}

// bootOfUser is what a session of the user gets after the next boot, if it is
// known.
func bootOfUser(in Input, user, item string) (nextLimit, bool) {
	for i := range in.next.startsOf() {
		if s := &in.next.starts[i]; s.kind == LaunchLogin && s.user == user {
			boot := in.next.boot(s, item)
			return boot, boot.known
		}
	}
	return nextLimit{}, false
}

// raiseUnit is the drop-in that gives a unit a limit, or the reload that is
// due where its files give it already.
func raiseUnit(in Input, unit, item string, want Limit) string {
	restart := "systemctl daemon-reload && systemctl restart " + shellWord(unit)
	boot := in.next.boot(&start{kind: LaunchSystemd, unit: unit}, item)
	if u, ok := in.Facts.NoFile.Units[unit].Get(); ok && u.NeedReload && boot.known && boot.pair.Hard >= want {
		return fmt.Sprintf("%s: its files give %s already (%s)", restart, boot.pair.Hard, boot.source)
	}
	return fmt.Sprintf("[Service] %s=%s in %s; then %s", limitNames[item].unit, want, shellWord(dropIn(unit)), restart)
}

// limitsEvidence are the lines of the limits files for an item that surely
// cover a user.
func limitsEvidence(f *Facts, user, item string) []Evidence {
	evidence := []Evidence{}
	for _, l := range limitsLines(f) {
		if l.Item == item && l.appliesTo(user) {
			evidence = append(evidence, Evidence{Source: l.At, Text: l.Text})
		}
	}
	return evidence
}

// unitEvidence are the lines with a key in the files of a unit: the last one
// wins.
func unitEvidence(f *Facts, u UnitLimits, key string) []Evidence {
	evidence := []Evidence{}
	for _, path := range append([]string{u.Fragment}, u.DropIns...) {
		file, ok := f.File(path).Get()
		if !ok {
			continue
		}
		n := 0
		for line := range strings.Lines(file.Content) {
			n++
			if name, _, ok := strings.Cut(line, "="); ok && strings.TrimSpace(name) == key {
				evidence = append(evidence, Evidence{Source: fmt.Sprintf("%s:%d", path, n), Text: strings.TrimSpace(line)})
			}
		}
	}
	return evidence
}
