package fix_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// draws makes choices of bytes, so that a fuzzer can steer them; when the
// bytes are used up, every choice is the first.
type draws struct{ rest []byte }

func (d *draws) upTo(n int) int {
	if len(d.rest) == 0 {
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return int(b) % n
}

func (d *draws) of(all ...string) string { return all[d.upTo(len(all))] }

// drawHost is a random host of the kinds that the golden trees of package conf
// have: files in all directories, links, odd lines.
func drawHost(d *draws) (*madeHost, fix.Options) {
	h := newMadeHost(d.of("systemd", "debian13", "el7", "procps", "alpine"), int64([]int{65530, 262144, 300000}[d.upTo(3)]), nil)
	o := fix.Options{
		PersistIn:    fix.PersistIn(d.of("", "", "", "main", "drop-in", "both")),
		ForceManaged: d.upTo(4) == 1, VmemToAs: d.upTo(3) == 1, Running: d.upTo(3) == 1,
	}
	if d.upTo(2) == 0 {
		h.files["/etc/sysctl.d/99-sysctl.conf"] = "-> ../sysctl.conf"
	}
	if d.upTo(4) != 1 {
		h.files["/etc/sysctl.conf"] = drawText(d, sysctlLine)
	}
	for range d.upTo(5) {
		name := d.of("/etc/sysctl.d", "/run/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d") + "/" +
			d.of("10-a.conf", "99-sysctl.conf", "a.conf", "zz-tmdoctor.conf", "zzz.conf", ".h.conf", "x.conf~")
		h.files[name] = drawText(d, sysctlLine)
		if d.upTo(6) == 1 {
			h.files[name] = "-> " + d.of("/dev/null", "../sysctl.conf", "/etc/sysctl.conf", "/nothing", "10-a.conf")
		}
	}
	if d.upTo(8) != 1 {
		h.files["/etc/security/limits.conf"] = drawText(d, limitsLine)
	}
	for range d.upTo(4) {
		h.files["/etc/security/limits.d/"+d.of("10.conf", "90-x.conf", "B.conf", "zz-tmdoctor.conf", "zzz.conf")] = drawText(d, limitsLine)
	}
	if d.upTo(3) == 1 {
		drawUnit(d, h)
	}
	return h, o
}

// drawUnit has the TaskManager started by a unit with some drop-ins.
func drawUnit(d *draws, h *madeHost) {
	h.files["/etc/systemd/system/tm.service"] = "[Service]\nUser=flink\n" + unitLine(d) + "\n"
	h.files["/etc/systemd/system.conf"] = "[Manager]\nDefaultLimitNOFILE=1024:" + d.of("4096", "524288") + "\n"
	for range d.upTo(4) {
		text := d.of("", "# managed by Chef\n") + d.of("[Service]\n", "[Service]\n", "[Service]\r\n", "[Unit]\n")
		for range d.upTo(4) {
			text += unitLine(d) + d.of("\n", "\n", "\n", "\r\n", " \n", "\\\n", "\n[Install]\n", "")
		}
		h.files["/etc/systemd/system/"+d.of("tm.service.d", "tm.service.d", "service.d")+"/"+d.of("10.conf", "zz-tmdoctor.conf", "zzz.conf", ".h.conf")] = text
	}
	h.unit = &probes.UnitLimits{
		Limits: map[string]probes.LimitPair{
			"nofile": {Soft: 1024, Hard: probes.Limit([]int{4096, 65536, 100000}[d.upTo(3)])},
			"as":     {Soft: probes.Unlimited, Hard: probes.Unlimited}, "nproc": {Soft: 96365, Hard: 96365},
		},
		TasksMax: probes.Limit([]int{75, 14745}[d.upTo(2)]), MemoryMax: probes.Known(probes.Unlimited), NeedReload: d.upTo(2) == 1,
		Fragment: "/etc/systemd/system/tm.service", State: "enabled",
	}
}

func unitLine(d *draws) string {
	return d.of("LimitNOFILE", "LimitNOFILE", "LimitAS", "TasksMax", "Nice", "#LimitAS") + d.of("=", " = ") +
		d.of("4096", "1024:4096", "100000", "65536:200000", "infinity", "8G", "75", "bad", "", "2000000")
}

func drawText(d *draws, line func(*draws) string) string {
	text := d.of("", "", "", "# managed by Puppet\n", "\ufeff", "; ansible\n")
	for range d.upTo(6) {
		text += line(d) + d.of("\n", "\n", "\n", "\n", "\r\n", " \n", "\\\n", " # why\n", "\x00\n", "\xff\n", "")
	}
	return text
}

func sysctlLine(d *draws) string {
	if d.upTo(6) == 1 {
		return d.of("# vm.max_map_count=1", "vm.max_map_count", "-vm.max_map_count", "junk", "vm.max_map_* = 5", "vm.swappiness=1", "-vm.max_map_count=70000", "")
	}
	return d.of("", "\t") + d.of("vm.max_map_count", "vm/max_map_count") + d.of("=", " = ", "\t=") +
		d.of("65530", "100000", "262144", "500000", "2147483647", "2147483648", "bad", "0400000", "0x40000", "")
}

func limitsLine(d *draws) string {
	return d.of("flink", "flink", "*", "@tm", "1500:", ":1500", "root", "@wheel") + d.of(" ", "\t", "  ") + d.of("soft", "hard", "-", "Soft", "x") + " " +
		d.of("nofile", "nofile", "as", "as", "vmem", "nproc") + d.of(" ", "\t") + d.of("1024", "4096", "65536", "100000", "1048576", "2000000", "8000000", "unlimited", "infinity", "abc") +
		d.of("", "", "", " #x", " y")
}

// planned is what a plan has to keep for any host: what was expected holds by
// the judgement of the host as it then is, nothing that was known is lower, no
// byte but those of values has changed, and there is nothing left to do.
func planned(t *testing.T, data []byte) {
	d := &draws{data}
	h, o := drawHost(d)
	before := maps.Clone(h.files)
	old := probes.Proposals(h.facts(), nil)
	p := h.plan(o)
	told := func() string {
		return fmt.Sprintf("%s, live %d, %+v\n%s%s", h.loader, h.live, o, showFiles(before), shownMade(p))
	}
	if data, err := readBack(p, o); err != nil {
		t.Errorf("the plan is not read back: %v\n%s\n%s", err, data, told())
	}
	if slices.ContainsFunc(p.Refused, func(r fix.Refusal) bool { return r.Setting == "plan" }) {
		t.Errorf("the plan does not pass its own checks: %+v\n%s", p.Refused, told())
	}
	if _, err := fix.Recheck(p, h.facts(), nil, o); err != nil {
		t.Errorf("the plan is not one for its own host: %v\n%s", err, told())
	}
	h.apply(t, p)
	facts := h.facts()
	checks := probes.Evaluate(facts, nil).Checks
	for _, e := range p.Expect {
		if ok, observed, where := e.Holds(checks); !ok {
			t.Errorf("%+v does not hold: %s (%s)\n%s", e, observed, where, told())
		}
	}
	for i, now := range probes.Proposals(facts, nil) {
		was := old[i]
		if was.Boot.Known && now.Boot.Known && (now.Boot.Pair.Soft < was.Boot.Pair.Soft || now.Boot.Pair.Hard < was.Boot.Pair.Hard) {
			t.Errorf("%s of %q after a boot was %+v and is %+v\n%s", now.Setting, now.Subject, was.Boot.Pair, now.Boot.Pair, told())
		}
		if was.Boot.Known && !now.Boot.Known {
			t.Errorf("%s of %q after a boot is not known any more: %s\n%s", now.Setting, now.Subject, now.Boot.Why, told())
		}
		low := now.LiveShort || now.BootShort
		if low && now.Kind != probes.ProposeProcess && !refused(p, &now) {
			t.Errorf("%s of %q is still low, and nobody says why\n%s", now.Setting, now.Subject, told())
		}
	}
	for _, c := range p.Files {
		if why := onlyValues(string(c.Before), string(c.After)); why != "" {
			t.Errorf("%s: %s\n%q\n%q\n%s", c.Path, why, c.Before, c.After, told())
		}
	}
	for name, text := range before {
		touched := slices.ContainsFunc(p.Files, func(c fix.FileChange) bool { return c.Path == name })
		if h.files[name] != text && !touched {
			t.Errorf("%s was changed\n%s", name, told())
		}
	}
	if again := h.plan(o); !again.IsEmpty() {
		t.Errorf("the second plan is not empty: %s\n%s", shownMade(again), told())
	}
}

// readBack writes a plan and reads it.
func readBack(p *fix.Plan, o fix.Options) ([]byte, error) {
	var b bytes.Buffer
	d := &fix.Document{Schema: fix.Schema, Run: "r1", Created: "2026-01-02T03:04:05Z", Options: o, Hosts: []*fix.Plan{p}}
	if err := d.Write(&b); err != nil {
		return nil, err
	}
	_, err := fix.ReadDocument("plan.json", b.Bytes())
	return b.Bytes(), err
}

func refused(p *fix.Plan, of *probes.Proposal) bool {
	return slices.ContainsFunc(p.Refused, func(r fix.Refusal) bool { return r.Setting == of.Setting && r.Subject == of.Subject && r.Reason != "" }) ||
		slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "nothing to write") })
}

// added are the lines that a plan may add.
var added = regexp.MustCompile(`^(# tmdoctor fix: .*|#|vm\.max_map_count = [0-9]+|flink (soft|hard) nofile [0-9]+|\[Service\]|(LimitNOFILE|LimitAS|TasksMax)=[0-9:infty]+|)\r?\n$`)

// onlyValues says what else than values differs between two texts.
func onlyValues(before, after string) string {
	old, now := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	if old[len(old)-1] == "" {
		old = old[:len(old)-1]
	}
	if now[len(now)-1] == "" {
		now = now[:len(now)-1]
	}
	if len(now) < len(old) {
		return "lines are gone"
	}
	for i, line := range old {
		is := now[i]
		if i == len(old)-1 && len(now) > len(old) && !strings.HasSuffix(line, "\n") {
			is = strings.TrimRight(is, "\r\n") // it had no end, and got one
			line = strings.TrimRight(line, "\r")
		}
		if is == line {
			continue
		}
		if why := onlyValue(line, is); why != "" {
			return why
		}
	}
	for _, line := range now[len(old):] {
		if !added.MatchString(line) {
			return fmt.Sprintf("%q is added", line)
		}
	}
	return ""
}

func onlyValue(old, now string) string {
	front := 0
	for front < min(len(old), len(now)) && old[front] == now[front] {
		front++
	}
	back := 0
	for back < min(len(old), len(now))-front && old[len(old)-1-back] == now[len(now)-1-back] {
		back++
	}
	// The whole words at the place of the difference.
	word := func(s string, end int) string {
		from := front
		for from > 0 && !strings.ContainsRune(" \t=", rune(s[from-1])) {
			from--
		}
		for end < len(s) && !strings.ContainsRune(" \t\r\n#", rune(s[end])) {
			end++
		}
		return s[from:end]
	}
	was, is := word(old, len(old)-back), word(now, len(now)-back)
	switch n, err := strconv.ParseInt(was, 10, 64); {
	case is == "as" && was == "vmem", is == "unlimited", is == "infinity", strings.Contains(old, "Limit"), strings.Contains(old, "TasksMax"):
		return ""
	case strings.Trim(is, "0123456789") != "" || is == "":
		return fmt.Sprintf("%q became %q", old, now)
	case err == nil && was[0] != '0':
		if m, _ := strconv.ParseInt(is, 10, 64); m < n && n <= 1<<20 {
			return fmt.Sprintf("%q was lowered to %q", old, now)
		}
	}
	return ""
}

func showFiles(files map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%s %q\n", name, files[name])
	}
	return b.String()
}

func shownMade(p *fix.Plan) string {
	var b strings.Builder
	for _, c := range p.Files {
		fmt.Fprintf(&b, "file %s: %q -> %q\n", c.Path, c.Before, c.After)
	}
	fmt.Fprintf(&b, "live %+v\nrefused %+v\nnotes %q\nexpect %+v\n", p.Live, p.Refused, p.Notes, p.Expect)
	return b.String()
}

func TestPlansOfRandomHostsHoldAndLowerNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 400)
	changed, units := 0, 0
	for range 400 {
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		planned(t, data)
		h, o := drawHost(&draws{data})
		p := h.plan(o)
		if !p.IsEmpty() {
			changed++
		}
		if p.Reload {
			units++
		}
		if t.Failed() {
			return
		}
	}
	if changed < 150 || units < 40 {
		t.Errorf("only %d of 400 hosts are changed, %d units among them", changed, units)
	}
}

func FuzzPlan(f *testing.F) {
	for _, s := range []string{"", "systemd", "\x03\x00\x02\x01\x01\x00\x05\x07", strings.Repeat("\x01\x02\x03\x05\x07", 30)} {
		f.Add([]byte(s))
	}
	f.Fuzz(planned)
}
