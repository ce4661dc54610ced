package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tmdoctor/tmdoctor/"

// allowed says who may import whom inside the module; a subpackage counts as
// its parent unless it has a line of its own.
var allowed = map[string][]string{
	"cmd/tmdoctor":        {"cmd/internal/audit", "cmd/internal/repair", "inventory", "remote", "probes", "probes/conf", "probes/fix", "report"},
	"cmd/internal/repair": {"cmd/internal/audit", "inventory", "remote", "probes", "probes/fix", "report"},
	"cmd/internal/audit":  {"inventory", "remote", "probes", "report"},
	"report":              {"probes", "inventory"},
	"probes/fix":          {"probes", "probes/conf"},
	"probes":              {"probes/conf"},
	"probes/conf":         {},
	"remote":              {"inventory"},
	"inventory":           {},
}

func TestPackagesImportOnlyWhomTheyMay(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "../../...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for dec.More() {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); err != nil {
			t.Fatal(err)
		}
		from := room(pkg.ImportPath)
		may, known := allowed[from]
		if !known {
			t.Errorf("%s belongs to no package of the design", pkg.ImportPath)
		}
		for _, imp := range pkg.Imports {
			if !strings.HasPrefix(imp, module) {
				continue
			}
			if to := room(imp); to != from && !slices.Contains(may, to) {
				t.Errorf("%s imports %s: %s may import only %v", pkg.ImportPath, imp, from, may)
			}
		}
	}
}

// room is the longest key of allowed that the package is, or is below.
func room(path string) string {
	path = strings.TrimPrefix(path, module)
	best := path
	found := false
	for name := range allowed {
		if (path == name || strings.HasPrefix(path, name+"/")) && (!found || len(name) > len(best)) {
			best, found = name, true
		}
	}
	return best
}

// TestOnlyRemoteStartsProcesses: probes judge, report writes, inventory reads.
func TestOnlyRemoteStartsProcesses(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "../../...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if strings.HasPrefix(room(f[0]), "remote") {
			continue
		}
		for _, imp := range f[1:] {
			if imp == "os/exec" || imp == "net" && room(f[0]) != "inventory" {
				t.Errorf("%s imports %s", f[0], imp)
			}
		}
	}
}
