package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

var update = flag.Bool("update", false, "rewrite testdata")

const (
	command      = "tmdoctor check -i hosts.txt"
	hostsCommand = "tmdoctor hosts -i hosts.txt"
)

func whyCommand(host, setting string) string {
	return "tmdoctor why " + host + " " + setting + " -i hosts.txt"
}

// views are the golden files: a fleet seen through a format.
var views = []struct {
	name   string
	format string
	o      Options
	fleet  func() []*Host
	cut    bool           // the run was cut short
	at     probes.Horizon // the only one that is judged
}{
	{name: "width50.txt", o: Options{Width: 50}, fleet: sickFleet},
	{name: "width80.txt", o: Options{Width: 80}, fleet: sickFleet},
	{name: "width120.txt", o: Options{Width: 120}, fleet: sickFleet},
	{name: "unbounded.txt", fleet: sickFleet},
	{name: "ascii.txt", o: Options{Width: 80, ASCII: true}, fleet: sickFleet},
	{name: "color.txt", o: Options{Width: 80, Color: true}, fleet: sickFleet},
	{name: "by-check.txt", o: Options{Width: 80, By: "check"}, fleet: sickFleet},
	{name: "all.txt", o: Options{Width: 120, All: true}, fleet: sickFleet},
	{name: "wide.txt", o: Options{Width: 80, Wide: true}, fleet: sickFleet},
	{name: "only-maps.txt", o: Options{Width: 80, Probes: []string{"maps"}}, fleet: sickFleet},
	{name: "healthy.txt", o: Options{Width: 80}, fleet: healthyFleet},
	{name: "lost.txt", o: Options{Width: 80}, fleet: lostFleet},
	{name: "cut.txt", o: Options{Width: 80}, fleet: healthyFleet, cut: true},
	{name: "large.txt", o: Options{Width: 80}, fleet: largeFleet},
	{name: "hostile.txt", o: Options{Width: 80}, fleet: hostileFleet},
	{name: "limits50.txt", o: Options{Width: 50}, fleet: limitsFleet},
	{name: "limits80.txt", o: Options{Width: 80}, fleet: limitsFleet},
	{name: "limits120.txt", o: Options{Width: 120}, fleet: limitsFleet},
	{name: "limits-all.txt", o: Options{Width: 120, All: true}, fleet: limitsFleet},
	{name: "limits-color.txt", o: Options{Width: 80, Color: true, ASCII: true}, fleet: limitsFleet},
	{name: "boot.txt", o: Options{Width: 80}, fleet: bootFleet, at: probes.Boot},
	{name: "boot-healthy.txt", o: Options{Width: 80}, fleet: healthyFleet, at: probes.Boot},
	{name: "limits-hostile.txt", o: Options{Width: 80}, fleet: hostileLimits},
	{name: "shared40.txt", o: Options{Width: 40}, fleet: sharedFleet},
	{name: "shared60.txt", o: Options{Width: 60}, fleet: sharedFleet},
	{name: "shared120.txt", o: Options{Width: 120}, fleet: sharedFleet},
	{name: "shared-piped.txt", fleet: sharedFleet},
	{name: "shared-by-check.txt", o: Options{Width: 80, By: "check", Color: true}, fleet: sharedFleet},
	{name: "shared-hostile.txt", o: Options{Width: 80, ASCII: true}, fleet: hostileSharing},
	{name: "report.json", format: "json", fleet: sickFleet},
	{name: "report.ndjson", format: "ndjson", fleet: sickFleet},
	{name: "hostile.json", format: "json", fleet: hostileFleet},
	{name: "report.md", format: "md", fleet: sickFleet},
	{name: "healthy.md", format: "md", fleet: healthyFleet},
	{name: "cut.md", format: "md", fleet: healthyFleet, cut: true},
	{name: "large.md", format: "md", fleet: largeFleet},
	{name: "shared.md", format: "md", fleet: sharedFleet},
	{name: "hostile.md", format: "md", fleet: hostileFleet},
	{name: "report.csv", format: "csv", fleet: sickFleet},
	{name: "hostile.csv", format: "csv", fleet: hostileFleet},
}

func TestEveryViewIsAsRecorded(t *testing.T) {
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			if v.format == "" {
				v.format = "table"
			}
			v.o.Command, v.o.Hosts = command, hostsCommand
			hosts := v.fleet()
			selected := len(hosts)
			if v.cut {
				selected += 7
			}
			run := testRun(selected)
			run.Horizon = v.at
			v.o.Why = whyCommand
			got := render(t, v.format, v.o, run, hosts, !v.cut)
			path := filepath.Join("testdata", v.name)
			if *update {
				if err := os.WriteFile(path, got, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				n, g, w := firstDifference(got, want)
				t.Errorf("%s:%d differs (-update rewrites it):\n got %s\nwant %s", path, n, g, w)
			}
		})
	}
}

// firstDifference is the first line in which two texts differ.
func firstDifference(a, b []byte) (n int, lineA, lineB []byte) {
	as, bs := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for n = 0; n < len(as) && n < len(bs); n++ {
		if !bytes.Equal(as[n], bs[n]) {
			return n + 1, as[n], bs[n]
		}
	}
	return n + 1, nil, nil
}

func healthyFleet() []*Host {
	hosts := []*Host{}
	for i := 1; i <= 12; i++ {
		h := wellHost(i)
		if i > 4 {
			h.Checks[1].Observed = "?/262144"
			h.Checks[1].NotSeen = []probes.NotSeen{{Fact: "counts.4711", Why: noSudo}}
		}
		hosts = append(hosts, h)
	}
	return hosts
}

func lostFleet() []*Host {
	hosts := []*Host{}
	for i := 1; i <= 5; i++ {
		hosts = append(hosts, lostHost(i, Unreachable{Phase: "connect", Reason: fmt.Sprintf("no answer from 10.0.0.%d:22 %s", i, noAnswer), Hint: "is the host up? is port 22 open?"}))
	}
	return append(hosts,
		lostHost(6, Unreachable{Phase: "host_key", Reason: "the key of tm006 changed", Hint: "ssh-keygen -R tm006", Kind: "changed_key"}),
		lostHost(7, Unreachable{Phase: "host_key", Reason: "the key of tm007 changed", Hint: "ssh-keygen -R tm007", Kind: "changed_key"}),
		lostHost(8, Unreachable{Phase: "auth", Reason: "the server offers publickey,password; no key was accepted", Hint: "ssh-add"}))
}

// largeFleet has more sick hosts than a screen has rows.
func largeFleet() []*Host {
	hosts := []*Host{}
	for i := 1; i <= 120; i++ {
		switch {
		case i%3 == 0:
			hosts = append(hosts, wellHost(i).set("maps", probes.Warn, "65530", "").
				find(probes.Warn, "maps/low", "", "65530", "262144", lowMaps, setMaps))
		case i%10 == 1:
			hosts = append(hosts, nearMaps(i, "60000"))
		default:
			hosts = append(hosts, wellHost(i))
		}
	}
	return hosts
}

// hostileFleet answers with what would rewrite the screen, reverse the text,
// forge a line or hide.
func hostileFleet() []*Host {
	const evil = "\x1b[2J\x1b]0;owned\x07\r\n1 host: all ok\u202egnp.exe\u200b\u0085\u2028\xff\x9b31m"
	h := nearMaps(1, "61204"+evil)
	h.User, h.Groups = evil, []string{evil}
	h.Findings[0].Message = "message " + evil
	h.Findings[0].Remedy = "remedy " + evil
	h.Causes[0].Evidence[0].Text = evil
	h.Checks[3].NotSeen = []probes.NotSeen{{Fact: "x." + evil, Why: "why " + evil}}
	lost := lostHost(2, Unreachable{Phase: "auth", Reason: "banner " + evil, Hint: evil})
	wide := wellHost(3).set("disk", probes.StatusUnknown, "磁盘已满磁盘已满磁盘已满磁盘已满", "目录 "+evil)
	return []*Host{h, lost, wide}
}

func TestHostsInAnyOrderGiveTheSameJSON(t *testing.T) {
	t.Parallel()
	fleet := func() []*Host {
		hosts := append(sickFleet(), sharedFleet()...)
		for i, h := range hosts {
			h.Name, h.Index = fmt.Sprintf("tm%03d", i+1), i
		}
		return hosts
	}
	want := render(t, "json", Options{}, testRun(14), fleet(), true)
	backwards := fleet()
	slices.Reverse(backwards)
	shuffled := fleet()
	for i := range shuffled {
		j := (i*5 + 3) % len(shuffled)
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	}
	for name, hosts := range map[string][]*Host{"backwards": backwards, "shuffled": shuffled} {
		// The sample of a cause or fold is the first that came; the document
		// has none but the order of the inventory.
		if got := render(t, "json", Options{}, testRun(14), hosts, true); !bytes.Equal(got, want) {
			t.Errorf("%s: the document differs", name)
		}
	}
}

func TestTimesAreUTCWhereverTheyComeFrom(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CET", 3600)
	local := func(hosts []*Host) []*Host {
		for _, h := range hosts {
			for i := range h.TaskManagers {
				*h.TaskManagers[i].Started = h.TaskManagers[i].Started.In(zone)
			}
			for i := range h.Causes {
				for j := range h.Causes[i].Evidence {
					when := h.Causes[i].Evidence[j].Time.In(zone)
					h.Causes[i].Evidence[j].Time = &when
				}
			}
		}
		return hosts
	}
	run := testRun(14)
	run.Started = run.Started.In(zone)
	for _, format := range []string{"json", "ndjson"} {
		want := render(t, format, Options{}, testRun(14), sickFleet(), true)
		if got := render(t, format, Options{}, run, local(sickFleet()), true); !bytes.Equal(got, want) {
			_, g, w := firstDifference(got, want)
			t.Errorf("%s:\n got %s\nwant %s", format, g, w)
		}
	}
}
