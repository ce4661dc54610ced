package main

import (
	"testing"

	"github.com/tmdoctor/tmdoctor/remote"
)

// TestNextCommandsAskInTheSameWay: what is printed to be typed next carries the
// flags that chose, reached and judged the hosts, quoted for a shell.
func TestNextCommandsAskInTheSameWay(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name              string
		f                 checkFlags
		patterns          []string
		check, why, hosts string
	}{
		{"hosts of an inventory", checkFlags{
			askFlags: askFlags{hostFlags: hostFlags{inventory: []string{"my hosts.txt"}, ssh: remote.Options{ConfigFile: "cfg"}}, sudo: true},
			horizon:  "all",
		}, []string{"tm[1-3]", "!tm2"},
			"tmdoctor check -i 'my hosts.txt' -F cfg --sudo 'tm[1-3]' '!tm2'",
			"tmdoctor why tm1 nofile -i 'my hosts.txt' -F cfg --sudo",
			"tmdoctor hosts -i 'my hosts.txt' -F cfg 'tm[1-3]' '!tm2'"},
		{"another user and policy", checkFlags{askFlags: askFlags{flinkUser: "o'neil", policy: "strict policy.yaml"}, horizon: "all"}, []string{"tm1"},
			`tmdoctor check --flink-user 'o'\''neil' --policy 'strict policy.yaml' tm1`,
			`tmdoctor why tm1 nofile --flink-user 'o'\''neil' --policy 'strict policy.yaml'`,
			"tmdoctor hosts tm1"},
		{"keys", checkFlags{
			askFlags: askFlags{hostFlags: hostFlags{ssh: remote.Options{KnownHosts: []string{"kh"}, Identity: []string{"id1", "id2"}}}}, horizon: "all",
		}, nil,
			"tmdoctor check --known-hosts kh --identity id1 --identity id2",
			"tmdoctor why tm1 nofile --known-hosts kh --identity id1 --identity id2",
			"tmdoctor hosts --known-hosts kh --identity id1 --identity id2"},
		{"old servers", checkFlags{askFlags: askFlags{hostFlags: hostFlags{ssh: remote.Options{LegacyAlgorithms: true}}}, horizon: "all"}, []string{"tm1"},
			"tmdoctor check --legacy-algorithms tm1",
			"tmdoctor why tm1 nofile --legacy-algorithms",
			"tmdoctor hosts --legacy-algorithms tm1"},
		{"one horizon of saved reports", checkFlags{askFlags: askFlags{from: []string{"a.json", "b.json"}}, horizon: "boot"}, nil,
			"tmdoctor check --from a.json --from b.json --horizon boot",
			"tmdoctor why tm1 nofile --from a.json --from b.json", ""},
		{"a directory", checkFlags{askFlags: askFlags{root: "/mnt/rescue"}, horizon: "all"}, nil,
			"tmdoctor check --root /mnt/rescue",
			"tmdoctor why tm1 nofile --root /mnt/rescue", ""},
	} {
		o := row.f.options(row.patterns)
		if o.Command != row.check {
			t.Errorf("%s: check again is %q, want %q", row.name, o.Command, row.check)
		}
		if got := o.Why("tm1", "nofile"); got != row.why {
			t.Errorf("%s: why is %q, want %q", row.name, got, row.why)
		}
		if o.Hosts != row.hosts {
			t.Errorf("%s: hosts is %q, want %q", row.name, o.Hosts, row.hosts)
		}
	}
	if got, want := (&askFlags{}).whyCommand("tm1; reboot", "as"), "tmdoctor why 'tm1; reboot' as"; got != want {
		t.Errorf("why of a hostile name is %q, want %q", got, want)
	}
}
