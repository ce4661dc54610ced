package inventory

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

// benchmarkLoad reads a whole inventory of files, as a command does.
func benchmarkLoad(b *testing.B, name string, files map[string]string) {
	dir := b.TempDir()
	for file, text := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		inv, err := Loader{Dir: dir}.Load([]string{name})
		if err != nil || len(inv.Hosts) != fleetSize || inv.Hosts[1].User == "" {
			b.Fatal(inv, err)
		}
	}
}

func iniFleet() string {
	var b strings.Builder
	last := -1
	eachName(func(rack int, n string) {
		if rack != last {
			fmt.Fprintf(&b, "[rack%03d]\n", rack)
			last = rack
		}
		fmt.Fprintf(&b, "%s ansible_host=10.0.0.1 row=%d\n", n, rack%7)
	})
	b.WriteString("[flink:children]\n")
	for rack := range last + 1 {
		fmt.Fprintf(&b, "rack%03d\n", rack)
	}
	b.WriteString("[flink:vars]\nansible_user=ops\nansible_port=2222\n")
	return b.String()
}

func ansibleYAMLFleet() string {
	var b strings.Builder
	b.WriteString("all:\n  vars: {ansible_user: ops}\n  children:\n")
	last := -1
	eachName(func(rack int, n string) {
		if rack != last {
			fmt.Fprintf(&b, "    rack%03d:\n      vars: {ansible_port: 2222}\n      hosts:\n", rack)
			last = rack
		}
		fmt.Fprintf(&b, "        %s: {ansible_host: 10.0.0.1, row: %d}\n", n, rack%7)
	})
	return b.String()
}

// listFleet is as ansible-inventory --list writes it.
func listFleet() string {
	vars, racks := map[string]any{}, map[string][]string{}
	var children []string
	eachName(func(rack int, n string) {
		vars[n] = map[string]any{"ansible_host": "10.0.0.1", "ansible_user": "ops", "ansible_port": 2222, "row": rack % 7}
		name := fmt.Sprintf("rack%03d", rack)
		racks[name] = append(racks[name], n)
		if len(racks[name]) == 1 {
			children = append(children, name)
		}
	})
	top := map[string]any{"_meta": map[string]any{"hostvars": vars}, "all": map[string]any{"children": children}}
	for name, hosts := range racks {
		top[name] = map[string]any{"hosts": hosts}
	}
	out, err := json.MarshalIndent(top, "", "    ")
	if err != nil {
		panic(err)
	}
	return string(out)
}

func BenchmarkAnsibleINI10000(b *testing.B) {
	benchmarkLoad(b, "hosts", map[string]string{"hosts": iniFleet()})
}

func BenchmarkAnsibleYAML10000(b *testing.B) {
	benchmarkLoad(b, "hosts.yml", map[string]string{"hosts.yml": ansibleYAMLFleet()})
}

func BenchmarkAnsibleList10000(b *testing.B) {
	benchmarkLoad(b, "list.json", map[string]string{"list.json": listFleet()})
}

// BenchmarkAnsibleFolders10000 has a file of variables for every host.
func BenchmarkAnsibleFolders10000(b *testing.B) {
	files := map[string]string{"hosts": iniFleet(), "group_vars/all.yml": "ansible_user: all\n"}
	eachName(func(rack int, n string) {
		files["host_vars/"+n+".yml"] = fmt.Sprintf("ansible_port: 2222\nrow: %d\n", rack%7)
	})
	benchmarkLoad(b, "hosts", files)
}

func BenchmarkMasters10000(b *testing.B) { benchmarkParse(b, workersFleet(), parseMasters) }
