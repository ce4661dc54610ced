package inventory

import (
	"fmt"
	"strings"
	"testing"
)

// fleetSize is the fleet that the benchmarks read.
const fleetSize = 10_000

// eachName calls f with the names of a fleet of racks.
func eachName(f func(rack int, name string)) {
	for i := range fleetSize {
		f(i/40, fmt.Sprintf("rack%03d-tm%02d.example.com", i/40, i%40))
	}
}

func plainFleet() string {
	var b strings.Builder
	eachName(func(_ int, n string) { fmt.Fprintf(&b, "ops@%s:2222\n", n) })
	return b.String()
}

func yamlFleet() string {
	var b strings.Builder
	b.WriteString(head + "defaults: {user: ops}\ngroups:\n")
	last := -1
	eachName(func(rack int, n string) {
		if rack != last {
			fmt.Fprintf(&b, "  rack%03d:\n    port: 2222\n    hosts:\n", rack)
			last = rack
		}
		fmt.Fprintf(&b, "      %s: {address: 10.0.0.1, labels: {row: r%d}}\n", n, rack%7)
	})
	return b.String()
}

func benchmarkParse(b *testing.B, text string, parse func(file, text string) (contents, error)) {
	b.ReportAllocs()
	for b.Loop() {
		c, err := parse("f", text)
		if err != nil {
			b.Fatal(err)
		}
		var j joiner
		if err := j.add(c); err != nil {
			b.Fatal(err)
		}
		inv, err := j.inventory()
		if err != nil || len(inv.Hosts) != fleetSize {
			b.Fatal(len(inv.Hosts), err)
		}
	}
	b.ReportMetric(fleetSize*float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
}

func BenchmarkPlain10000(b *testing.B)   { benchmarkParse(b, plainFleet(), parsePlain) }
func BenchmarkYAML10000(b *testing.B)    { benchmarkParse(b, yamlFleet(), parseYAML) }
func BenchmarkWorkers10000(b *testing.B) { benchmarkParse(b, workersFleet(), parseWorkers) }

func workersFleet() string {
	var b strings.Builder
	eachName(func(_ int, n string) { b.WriteString("/dc1/" + n + "\n") })
	return b.String()
}

func BenchmarkSelect10000(b *testing.B) {
	c, err := parseYAML("f", yamlFleet())
	if err != nil {
		b.Fatal(err)
	}
	var j joiner
	if err := j.add(c); err != nil {
		b.Fatal(err)
	}
	inv, err := j.inventory()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		hosts, err := inv.Select([]string{"rack[000-199]", "*-tm3?.example.com", "rack[000-249]-tm01.example.com", "!rack007"})
		if err != nil || len(hosts) < fleetSize/2 {
			b.Fatal(len(hosts), err)
		}
	}
}

func BenchmarkFold10000(b *testing.B) {
	var names []string
	eachName(func(_ int, n string) { names = append(names, n) })
	b.ReportAllocs()
	for b.Loop() {
		if got := Fold(names); got != "rack[000-249]-tm[00-39].example.com" {
			b.Fatal(got)
		}
	}
}
