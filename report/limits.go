package report

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
)

// maxLimitFolds bounds how many different limits are kept apart, and
// maxOrigin how many columns of where a value comes from.
const (
	maxLimitFolds = 500
	maxOrigin     = 160
)

// limits folds what settings are worth on the three horizons over hosts: a
// fold for each different (setting, kind of subject, three values, where they
// come from). How much is in use is a range, never part of what makes two
// folds.
type limits struct {
	byKey map[limitKey]*limitFold
	list  []*limitFold
	lost  int // standings that came when the list was full
}

// horizonText is what is shown of one horizon: the value, or "?", and where it
// was read, or why it is not known.
type horizonText struct {
	value, origin string
	unknown       bool
}

// byHorizon are the texts in the order of [probes.Horizons].
type byHorizon [3]horizonText

type limitKey struct {
	setting, kind string
	at            byHorizon
}

// limitFold is one limit as it stands on one or more hosts. Its texts are
// escaped.
type limitFold struct {
	setting string // as it came, for the next command to type
	subject string // of the first
	same    bool   // all have the subject of the first
	at      byHorizon
	// least and most are how much of the running limit is in use, -1 where
	// that is not known of any.
	least, most int64
	// worst is that of the checks, bad the worst finding of each horizon.
	worst probes.Status
	bad   [3]probes.Status
	names []string
	order int // of the probe among the checks
}

// add folds the limits of a host: all of them, or those that somebody has to
// look at.
func (ls *limits) add(h *Host, all bool) {
	for i := range h.Checks {
		c := &h.Checks[i]
		for j := range c.Horizons {
			s := &c.Horizons[j]
			if all || noteworthy(c, s) {
				ls.put(h, c, s, i)
			}
		}
	}
}

// noteworthy says whether somebody has to look at a limit.
func noteworthy(c *probes.Check, s *probes.Standing) bool {
	return c.Status.Rank() > 0 || !known(c.Status) || disagree(s)
}

// disagree says whether two horizons have different values; what is not known
// agrees with everything.
func disagree(s *probes.Standing) bool {
	seen := ""
	for _, h := range probes.Horizons {
		v := s.At(h)
		if v.Unknown != "" {
			continue
		}
		if seen != "" && v.Value != seen {
			return true
		}
		seen = v.Value
	}
	return false
}

func (ls *limits) put(h *Host, c *probes.Check, s *probes.Standing, order int) {
	f := limitFold{setting: s.Setting, subject: shown(s.Subject), same: true, least: s.Used, most: s.Used, order: order}
	if alone(c, s) { // the only TaskManager of a host needs no pid
		f.subject = subjectKind(f.subject)
	}
	key := limitKey{setting: clip(s.Setting, maxOrigin), kind: subjectKind(f.subject)}
	for i, horizon := range probes.Horizons {
		f.at[i] = textOf(s, s.At(horizon))
		key.at[i] = f.at[i]
		if f.at[i].unknown {
			key.at[i].origin = squashDigits(f.at[i].origin)
		}
	}
	old := ls.byKey[key]
	if old == nil {
		if len(ls.list) == maxLimitFolds {
			ls.lost++
			return
		}
		if ls.byKey == nil {
			ls.byKey = map[limitKey]*limitFold{}
		}
		old = &f
		ls.byKey[key] = old
		ls.list = append(ls.list, old)
	}
	old.join(h, c, &f)
}

// alone says whether a check has no other standing of the same setting.
func alone(c *probes.Check, s *probes.Standing) bool {
	return !slices.ContainsFunc(c.Horizons, func(other probes.Standing) bool {
		return other.Setting == s.Setting && other.Subject != s.Subject
	})
}

// join adds a host to a fold.
func (f *limitFold) join(h *Host, c *probes.Check, other *limitFold) {
	f.names = appendHost(f.names, h.Name)
	f.same = f.same && f.subject == other.subject
	if n := other.least; n >= 0 {
		if f.least < 0 {
			f.least = n
		}
		f.least, f.most = min(f.least, n), max(f.most, n)
	}
	f.worst = probes.Worst(f.worst, c.Status)
	for i := range h.Findings {
		one := &h.Findings[i]
		if one.Probe != c.Probe || one.Waived != nil || strings.HasPrefix(one.Code, causePrefix) {
			continue
		}
		if at := slices.Index(probes.Horizons, one.Horizon); at >= 0 {
			f.bad[at] = probes.Worst(f.bad[at], one.Status)
		}
	}
	for i := range f.at {
		if f.at[i].unknown {
			f.bad[i] = probes.Worst(f.bad[i], probes.StatusUnknown)
		}
	}
}

// ofProcess is a file of one process: the same place whatever its pid.
var ofProcess = regexp.MustCompile(`/proc/\d+/`)

// textOf is a value of a standing, escaped and of bounded length.
func textOf(s *probes.Standing, v probes.HorizonValue) horizonText {
	if v.Unknown != "" || v.Value == "" {
		why := cmp.Or(v.Unknown, "no reason was given")
		return horizonText{"?", cutEnd(Escape(clip(why, maxOrigin)), maxOrigin, ".."), true}
	}
	origin := ofProcess.ReplaceAllLiteralString(clip(v.Source, 4*maxOrigin), "/proc/PID/")
	return horizonText{limitText(s.Setting, v.Value), cutMiddle(Escape(origin), maxOrigin, ".."), false}
}

// clip bounds a text before anything is done with it: n bytes, whole
// characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// limitText is a limit as people read it: bytes in MiB where that is exact.
func limitText(setting, value string) string {
	soft, hard, two := strings.Cut(value, ":")
	if two {
		return limitText(setting, soft) + ":" + limitText(setting, hard)
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && inBytes(setting) && n > 0 && n%(1<<20) == 0 {
		return strconv.FormatInt(n>>20, 10) + "M"
	}
	return shown(value)
}

// usedText is how much of a limit is in use; of bytes whole MiB.
func usedText(setting string, n int64) string {
	if inBytes(setting) && n >= 1<<20 {
		return strconv.FormatInt(n>>20, 10) + "M"
	}
	return strconv.FormatInt(n, 10)
}

func inBytes(setting string) bool {
	p := probes.BySetting(setting)
	return p != nil && p.Setting.Unit == "bytes"
}

var instance = regexp.MustCompile(`@[^.@]*\.`)

// subjectKind is a subject without what makes one TaskManager of a host
// different from another: its pid, the instance of its unit.
func subjectKind(subject string) string {
	if n, ok := strings.CutPrefix(subject, "pid "); ok && strings.Trim(n, "0123456789") == "" {
		return ""
	}
	return instance.ReplaceAllLiteralString(subject, "@*.")
}

// label names a limit: "nofile of user flink".
func (f *limitFold) label() string {
	subject := f.subject
	if !f.same {
		subject = subjectKind(subject)
	}
	if subject == "" {
		return shown(f.setting)
	}
	return shown(f.setting) + " of " + subject
}

// running is the running limit with what is in use of it: 204..61204/65530.
func (f *limitFold) running() string {
	limit := f.at[0].value
	switch {
	case f.least < 0:
		return limit
	case f.least == f.most:
		return usedText(f.setting, f.most) + "/" + limit
	default:
		return usedText(f.setting, f.least) + ".." + usedText(f.setting, f.most) + "/" + limit
	}
}

// hosts are the names as ranges, with their number.
func (f *limitFold) hosts() string { return hostsText(inventory.Fold(f.names), len(f.names)) }

// doubtful is the first host, and the setting there, whose value after the
// next boot is wrong or not known; "" if there is none.
func (ls *limits) doubtful() (host, setting string) {
	for _, f := range ls.sorted() {
		if f.bad[2].Rank() > 0 && probes.BySetting(f.setting) != nil {
			return f.names[0], f.setting
		}
	}
	return "", ""
}

// sorted are the folds, what matters most first; of one rank, each setting
// stands together.
func (ls *limits) sorted() []*limitFold {
	slices.SortStableFunc(ls.list, func(a, b *limitFold) int {
		return cmp.Or(
			cmp.Compare(b.worst.Rank(), a.worst.Rank()),
			cmp.Compare(a.order, b.order),
			cmp.Compare(a.setting, b.setting),
			cmp.Compare(len(b.names), len(a.names)),
			cmp.Compare(a.names[0], b.names[0]))
	})
	return ls.list
}
