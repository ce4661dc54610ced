package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestNotSeenNamesLimitsOfTheNextBoot: a limit by its own name and once, what
// hides it before what hides a detail, and nothing that LIMITS says already.
func TestNotSeenNamesLimitsOfTheNextBoot(t *testing.T) {
	t.Parallel()
	const stack, closed = "/etc/security/limits.conf could not be read", "permission denied"
	same := value("65536", "x")
	unseen := func(h *Host, probe string, fact, why string) *Host {
		for i := range h.Checks {
			if c := &h.Checks[i]; c.Probe == probe {
				c.NotSeen = append(c.NotSeen, probes.NotSeen{Fact: fact, Why: why})
			}
		}
		return h
	}
	hidden := func(h *Host, probe string) *Host {
		setting := probes.ByName(probe).Setting.Name
		return unseen(h.stands(probe, "pid 1", 1, same, same, not(stack)), probe, setting+" after a reboot", stack)
	}
	for _, row := range []struct {
		name string
		h    *Host
		want string
	}{
		{"two settings of one reason", hidden(hidden(wellHost(1), "nofile"), "maps"), `
  vm.max_map_count, nofile after a reboot not known on tm001: ` + stack},
		{"beside a detail", unseen(hidden(wellHost(1), "nofile"), "disk", "quota", stack), `
  disk quota; nofile after a reboot not known on tm001: ` + stack},
		{"before a detail", unseen(hidden(wellHost(1), "nofile"), "disk", "quota", "a "+closed), `
  nofile after a reboot not known on tm001: ` + stack + `
  disk quota not visible on tm001: a ` + closed + `; run with --sudo`},
		{"in LIMITS", hidden(wellHost(1).set("nofile", probes.Warn, "1", ""), "nofile"), ""},
		{"another in LIMITS", hidden(hidden(wellHost(1).set("nofile", probes.Warn, "1", ""), "nofile"), "maps"), `
  vm.max_map_count after a reboot not known on tm001: ` + stack},
	} {
		_, got, _ := strings.Cut(string(render(t, "table", Options{}, testRun(1), []*Host{row.h}, true)), "NOT SEEN")
		got, _, _ = strings.Cut(got, "\n\n")
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}
