package report

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
)

// columns counts columns without the library that lays out: every rune of
// the fixed fleets is one column wide but those of Han, which are two.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n++
		if unicode.Is(unicode.Han, r) {
			n++
		}
	}
	return n
}

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	for name, hosts := range map[string][]*Host{"sick": sickFleet(), "lost": lostFleet(), "large": largeFleet(), "hostile": hostileFleet(), "healthy": healthyFleet(), "limits": limitsFleet(), "hostile limits": hostileLimits(), "shared": sharedFleet(), "hostile sharing": hostileSharing()} {
		for _, by := range []string{"host", "check"} {
			for _, w := range []int{40, 50, 59, 60, 61, 72, 80, 100, 132, 200} {
				out := render(t, "table", Options{Width: w, By: by}, testRun(len(hosts)), hosts, true)
				for l := range strings.Lines(string(out)) {
					l = strings.TrimSuffix(l, "\n")
					if columns(l) > w {
						t.Errorf("%s by %s, width %d: %d columns: %s", name, by, w, columns(l), l)
					}
					if strings.HasSuffix(l, " ") {
						t.Errorf("%s by %s, width %d: blank at the end of %q", name, by, w, l)
					}
				}
			}
		}
	}
}

// TestTableSaysOfEveryHostWhatItIs reads the table back by the places of its
// headers.
func TestTableSaysOfEveryHostWhatItIs(t *testing.T) {
	t.Parallel()
	hosts := sickFleet()
	out := string(render(t, "table", Options{All: true, Wide: true}, testRun(14), hosts, true))
	table, _, _ := strings.Cut(out, "\n\n")
	rows := strings.Split(table, "\n")
	heads := regexp.MustCompile(`\S+`).FindAllStringIndex(rows[0], -1)
	got := map[string]map[string]string{}
	for _, r := range rows[1:] {
		line := []rune(r + strings.Repeat(" ", 200))
		cells := map[string]string{}
		for i, h := range heads {
			end := len(line)
			if i+1 < len(heads) {
				end = heads[i+1][0]
			}
			cells[rows[0][h[0]:h[1]]] = strings.TrimSpace(string(line[h[0]:end]))
		}
		got[cells["HOST"]] = cells
	}
	want := map[string]map[string]string{}
	for _, h := range hosts {
		name := h.Name
		if len(name) > 28 {
			name = name[:14] + "…" + name[len(name)-13:]
		}
		cells := map[string]string{"HOST": name, "STATUS": string(h.Status), "CAUSE": "-"}
		if len(h.Causes) > 0 {
			cells["CAUSE"] = h.Causes[0].Cause
			if c := h.Causes[0].Confidence; c != probes.Proven {
				cells["CAUSE"] += " (" + string(c) + ")"
			}
		}
		if h.Unreachable != nil {
			cells["CAUSE"] = "unreachable: " + h.Unreachable.Phase
		}
		for _, p := range []string{"flink", "maps", "nofile", "disk", "memory"} {
			cells[p] = "-"
		}
		for _, c := range h.Checks {
			switch c.Status {
			case probes.OK:
				cells[c.Probe] = c.Observed
			case probes.StatusUnknown:
				cells[c.Probe] = "? unknown"
			case probes.Skipped:
			default:
				cells[c.Probe] = c.Observed + " " + string(c.Status)
			}
		}
		want[name] = cells
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, table)
	}
}

// TestFoldedFindingsNameEveryHost reads the folded lines back with
// inventory.Expand.
func TestFoldedFindingsNameEveryHost(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`^([A-Z]+)\s+(\S+)(?: \((\d+)\))?\s+(.*) \[([a-z/-]+)\]$`)
	for name, hosts := range map[string][]*Host{"sick": sickFleet(), "large": largeFleet()} {
		type key struct{ status, code string }
		want, got := map[key][]string{}, map[key][]string{}
		for _, h := range hosts {
			for _, f := range h.Findings {
				if f.Waived == nil && f.Probe != "cause" {
					k := key{strings.ToUpper(string(f.Status)), f.Code}
					want[k] = append(want[k], h.Name)
				}
			}
		}
		out := string(render(t, "table", Options{All: true}, testRun(len(hosts)), hosts, true))
		_, out, _ = strings.Cut(out, "FINDINGS\n")
		for l := range strings.Lines(out) {
			m := line.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
			if m == nil || m[2] == "fleet" || m[1] == "WAIVED" {
				continue
			}
			names, err := inventory.Expand(m[2])
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := strconv.Atoi(m[3]); m[3] != "" && n != len(names) || m[3] == "" && len(names) != 1 {
				t.Errorf("%s: %d hosts in %s", name, len(names), l)
			}
			slices.Sort(names)
			k := key{m[1], m[5]}
			got[k] = append(got[k], names...)
		}
		for k := range want {
			slices.Sort(want[k])
			slices.Sort(got[k])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestFindingsOfANamedCauseNeedNoLine: what a likely or proven cause accounts
// for is counted, not told again; what it does not account for stays.
func TestFindingsOfANamedCauseNeedNoLine(t *testing.T) {
	t.Parallel()
	h := func(name string, causes ...probes.Cause) *Host {
		return &Host{Name: name, Status: probes.Fail, Causes: causes, Findings: []probes.Finding{
			{Code: "maps/exhausted", Probe: "maps", Status: probes.Fail, Message: "maps are used up"},
			{Code: "disk/full", Probe: "disk", Status: probes.Fail, Message: "the disk is full"},
			{Code: "host/swappiness-high", Probe: "host", Status: probes.Warn, Message: "swaps early"},
		}}
	}
	proven := probes.Cause{Cause: "max_map_count", Confidence: probes.Proven, Message: "no map left"}
	possible := probes.Cause{Cause: "max_map_count", Confidence: probes.Possible, Message: "few maps left"}
	for _, row := range []struct {
		name  string
		hosts []*Host
		want  []string
	}{
		{"a proven cause", []*Host{h("tm1", proven)}, []string{"disk/full"}},
		{"a possible cause accounts for nothing", []*Host{h("tm1", possible)}, []string{"disk/full", "maps/exhausted", "host/swappiness-high"}},
		{"one host of two has no cause", []*Host{h("tm1", proven), h("tm2")}, []string{"disk/full", "maps/exhausted", "host/swappiness-high"}},
	} {
		out := string(render(t, "table", Options{}, testRun(len(row.hosts)), row.hosts, true))
		var got []string
		for _, m := range regexp.MustCompile(`(?m)\[([a-z]+/[a-z-]+)\]$`).FindAllStringSubmatch(out, -1) {
			got = append(got, m[1])
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", row.name, diff, out)
		}
		if said := strings.Contains(out, "more findings of hosts whose cause is named"); said != (len(got) < 3) {
			t.Errorf("%s: says that findings are left out: %v\n%s", row.name, said, out)
		}
	}
}

func TestColourChangesNothingButColour(t *testing.T) {
	t.Parallel()
	sgr := regexp.MustCompile(`\x1b\[(0|1|31|32|33|35)m`)
	for _, o := range []Options{{Width: 50}, {Width: 80}, {}, {Width: 80, By: "check"}} {
		hosts := append(sickFleet(), limitsFleet()...)
		plain := render(t, "table", o, testRun(len(hosts)), hosts, true)
		o.Color = true
		coloured := render(t, "table", o, testRun(len(hosts)), hosts, true)
		if got := sgr.ReplaceAll(coloured, nil); !bytes.Equal(got, plain) {
			t.Errorf("%+v: without colours:\n%s\nwant:\n%s", o, got, plain)
		}
		if bytes.Equal(coloured, plain) {
			t.Errorf("%+v: no colours", o)
		}
	}
}

func TestASCIIHasNoCharacterOfOursBeyondIt(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]*Host{sickFleet(), largeFleet(), lostFleet(), limitsFleet(), sharedFleet()} {
		out := render(t, "table", Options{Width: 80, ASCII: true}, testRun(14), hosts, true)
		if i := bytes.IndexFunc(out, func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
			t.Errorf("%q", out[max(0, i-20):i+4])
		}
	}
}

func TestNothingHostileReachesAnyFormat(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		format string
		o      Options
	}{
		{"table", Options{}}, {"table", Options{Width: 50}}, {"table", Options{Width: 80, By: "check", All: true}},
		{"table", Options{All: true, Wide: true}}, {"json", Options{}}, {"ndjson", Options{}}, {"csv", Options{}}, {"md", Options{}},
	} {
		out := string(render(t, v.format, v.o, testRun(4), slices.Concat(hostileFleet(), hostileLimits(), hostileSharing()), true))
		if !harmless(strings.NewReplacer("\r\n", "", "\n", "").Replace(out)) {
			t.Errorf("%s %+v: %q", v.format, v.o, out)
		}
		if regexp.MustCompile(`(?m)^1 host: all ok`).MatchString(out) {
			t.Errorf("%s %+v: a line of ours was forged:\n%s", v.format, v.o, out)
		}
	}
}

// TestUnknownNeverLooksHealthy: only a fleet that was looked at to its end
// and is ok is told so.
func TestUnknownNeverLooksHealthy(t *testing.T) {
	t.Parallel()
	const healthy = "Nothing was found that keeps RocksDB from working."
	drift := healthyFleet()
	drift[3].TaskManagers[0].Version = "1.17.0"
	odd := wellHost(1)
	odd.Status = "fine"
	for _, c := range []struct {
		name     string
		hosts    []*Host
		selected int
		finished bool
		want     bool
	}{
		{"healthy", healthyFleet(), 12, true, true},
		{"cut short", healthyFleet(), 12, false, false},
		{"hosts are missing", healthyFleet(), 13, true, false},
		{"no host at all", nil, 0, true, false},
		{"drift", drift, 12, true, false},
		{"one not reached", append(healthyFleet(), lostFleet()[0]), 13, true, false},
		{"a status that is none", []*Host{odd}, 1, true, false},
	} {
		out := string(render(t, "table", Options{Width: 80}, testRun(c.selected), c.hosts, c.finished))
		if got := strings.Contains(out, healthy); got != c.want {
			t.Errorf("%s: reassured %v, want %v:\n%s", c.name, got, c.want, out)
		}
	}
}

// TestManyHostsAreOneScreen: ten thousand sick hosts, each with a text of its
// own, cost a bounded table.
func TestManyHostsAreOneScreen(t *testing.T) {
	t.Parallel()
	var hosts []*Host
	for i := 1; i <= 10000; i++ {
		h := nearMaps(i, "60000")
		h.find(probes.Warn, "logs/unknown", "", "", "", fmt.Sprintf("text %d", i), "")
		h.set("disk", probes.StatusUnknown, "", fmt.Sprintf("disk %d hangs", i))
		h.Checks[0].NotSeen = []probes.NotSeen{{Fact: "x", Why: fmt.Sprintf("why %c%c", 'a'+i%26, 'a'+i/26%26)}}
		hosts = append(hosts, h)
	}
	tab := newTable(&bytes.Buffer{}, Options{Width: 80}).(*table)
	s, _ := renderTo(t, tab, testRun(len(hosts)), hosts, true)
	if s.Fail != 10000 {
		t.Errorf("%d failed", s.Fail)
	}
	if n := bytes.Count(tab.out.Bytes(), []byte("\n")); n > 100 {
		t.Errorf("%d lines:\n%s", n, tab.out.Bytes())
	}
	if len(tab.rows) > 2*screenRows || len(tab.folds.list) > maxFolds || len(tab.not.list) > maxUnseen {
		t.Errorf("%d rows, %d folds, %d reasons are kept", len(tab.rows), len(tab.folds.list), len(tab.not.list))
	}
	if want := fmt.Sprintf("%d findings are not shown", tab.folds.lost); tab.folds.lost == 0 || !strings.Contains(tab.out.String(), want) {
		t.Errorf("it is not said that %d findings were lost", tab.folds.lost)
	}
}

func TestNextCommandsFitWhatWasFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, command string
		hosts         []*Host
		want          []string
	}{
		{"sick", "tmdoctor check -i hosts.txt --policy p.yaml", sickFleet(), []string{
			"tmdoctor explain max_map_count", "tmdoctor check -i hosts.txt --policy p.yaml --accept-new",
			hostsCommand, "tmdoctor check -i hosts.txt --policy p.yaml --sudo",
		}},
		{"all was asked for", "tmdoctor check --sudo --accept-new tm001", sickFleet(), []string{"tmdoctor explain max_map_count", hostsCommand}},
		{"offline", "tmdoctor check --from r.json", sickFleet(), []string{"tmdoctor explain max_map_count"}},
		{"the demo", "tmdoctor demo", sickFleet(), []string{"tmdoctor explain max_map_count"}},
		{"no host was reached", "tmdoctor check", lostFleet(), []string{hostsCommand}},
		{"no cause, a finding", "tmdoctor check", []*Host{sickFleet()[6]}, []string{"tmdoctor explain maps/low"}},
		{"no finding, a check", "tmdoctor check", []*Host{sickFleet()[8]}, []string{"tmdoctor explain disk"}},
		{"healthy", "tmdoctor check", []*Host{wellHost(1)}, nil},
	} {
		tab := newTable(&bytes.Buffer{}, Options{Command: c.command, Hosts: hostsCommand}).(*table)
		s, _ := renderTo(t, tab, testRun(len(c.hosts)), c.hosts, true)
		var got []string
		for _, n := range tab.next(s) {
			got = append(got, n.command)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestSpoolHasNoNameAndIsClosed(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	d := newJSON(&bytes.Buffer{}, Options{}).(*document)
	h := wellHost(5)
	if err := d.Begin(testRun(5)); err != nil {
		t.Fatal(err)
	}
	if err := d.Host(h); err != nil {
		t.Fatal(err)
	}
	if d.order.spool.f == nil {
		t.Fatal("the host that came early is not in the spool")
	}
	info, err := d.order.spool.f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("mode %v, %d bytes", info.Mode(), info.Size())
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("the spool has a name: %v", names)
	}
	f := d.order.spool.f
	if err := d.End(Fleet{}, Summary{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err == nil {
		t.Error("the spool was left open")
	}
}

func TestSpoolThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/absent")
	d := newJSON(&bytes.Buffer{}, Options{})
	if err := d.Begin(testRun(5)); err != nil {
		t.Fatal(err)
	}
	if err := d.Host(wellHost(5)); err == nil || !strings.HasPrefix(err.Error(), "temporary file for hosts that end early: ") {
		t.Errorf("got %v", err)
	}
}
