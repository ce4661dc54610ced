package inventory

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fleet has groups inside groups, and a group db1 besides the host db1.
const fleet = head + `hosts:
  - tm[001-006]
  - db[1-3]
groups:
  dc1:
    groups:
      rack1: {hosts: ["tm[001-003]"]}
      rack2: {hosts: ["tm[004-005]"]}
  db1: {hosts: [db2, db3]}
  none:
`

func names(hosts []Host) string {
	var out []string
	for _, h := range hosts {
		out = append(out, h.String())
	}
	return strings.Join(out, " ")
}

func TestSelectChoosesInTheOrderOfTheInventory(t *testing.T) {
	t.Parallel()
	inv := mustLoad(t, "y", fleet)
	const all = "tm001 tm002 tm003 tm004 tm005 tm006 db1 db2 db3"
	for _, tt := range []struct{ name, patterns, want string }{
		{"no pattern is all", "", all},
		{"a name", "tm002", "tm002"},
		{"order and repeats of patterns do not matter", "db2 tm002 tm001 tm002", "tm001 tm002 db2"},
		{"a group", "rack1", "tm001 tm002 tm003"},
		{"a group with groups inside", "dc1", "tm001 tm002 tm003 tm004 tm005"},
		{"a glob", "tm00[1-2]* d*3", "tm001 tm002 db3"},
		{"a question mark", "tm00?", "tm001 tm002 tm003 tm004 tm005 tm006"},
		{"a glob over hosts and groups", "d*", "tm001 tm002 tm003 tm004 tm005 db1 db2 db3"},
		{"a glob over groups", "rack*", "tm001 tm002 tm003 tm004 tm005"},
		{"a range with holes", "tm[005-099]", "tm005 tm006"},
		{"a range over groups", "rack[1-2]", "tm001 tm002 tm003 tm004 tm005"},
		{"commas", "tm001,tm[003-004],db1,!db[2-3]", "tm001 tm003 tm004 db1"},
		{"only exclusions begin with all", "!dc1 !db3", "tm006 db1 db2"},
		{"an exclusion holds wherever it stands", "!tm002 rack1", "tm001 tm003"},
		{"an exclusion of what was not chosen", "rack1 !rack2", "tm001 tm002 tm003"},
		{"host and group of one name are both meant", "db1", "db1 db2 db3"},
		{"and both are excluded", "db* !db1 tm001", "tm001"},
		{"a star", "*", all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := inv.Select(strings.Fields(tt.patterns))
			if err != nil || names(got) != tt.want {
				t.Errorf("Select(%s) = %s, %v, want %s", tt.patterns, names(got), err, tt.want)
			}
		})
	}
}

func TestSelectNamesThePatternThatMatchesNothing(t *testing.T) {
	t.Parallel()
	inv := mustLoad(t, "y", fleet)
	const list = "tmdoctor hosts lists the hosts of the inventory"
	for _, tt := range []struct {
		name, patterns string
		want           NoMatchError
	}{
		{"a slip in a host", "tm01", NoMatchError{"tm01", "tm001"}},
		{"a slip in a group", "rakc1", NoMatchError{"rakc1", "rack1"}},
		{"upper case", "DB3", NoMatchError{"DB3", "db3"}},
		{"another word", "kafka", NoMatchError{"kafka", ""}},
		{"a glob", "x*", NoMatchError{"x*", ""}},
		{"a range", "tm[07-09]", NoMatchError{"tm[07-09]", ""}},
		{"a slip in an exclusion", "dc1 !tm01", NoMatchError{"!tm01", "tm001"}},
		{"a group without hosts", "none", NoMatchError{"none", ""}},
		{"with user or port", "a@tm001", NoMatchError{"a@tm001", "tm001"}},
		{"nothing is left", "rack1 !dc1", NoMatchError{"rack1 !dc1", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := inv.Select(strings.Fields(tt.patterns))
			var got *NoMatchError
			if !errors.As(err, &got) {
				t.Fatalf("Select(%s) = %v, want a *NoMatchError", tt.patterns, err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("Select(%s) (-want +got):\n%s", tt.patterns, diff)
			}
			hint := list
			if got.Nearest != "" {
				hint = `did you mean "` + got.Nearest + `"?`
			}
			wantError(t, err, `no host matches "`+tt.want.Pattern+`" | `+hint)
		})
	}
}

func TestSelectRefusesWhatIsNoPattern(t *testing.T) {
	t.Parallel()
	inv := mustLoad(t, "y", fleet)
	for _, tt := range []struct{ pattern, want string }{
		{"", "a pattern is empty | name a host, a group or a glob such as 'tm0*'"},
		{"!", `pattern "": host name is empty`},
		{"tm[1-", `pattern "tm[1-": "tm[1-" has a bracket that is not closed | ` + rangeHint},
		{"tm(1)", `pattern "tm(1)": host name "tm(1)" has the character '('`},
		{"tm1:x", `pattern "tm1:x": port "x" is not a number from 1 to 65535`},
		{"-x*", `pattern "-x*": host name "-x*" begins with '-'`},
		{"tm*[1-999999]", `pattern "tm*[1-999999]": "tm*[1-999999]" is more than 100000 hosts`},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			_, err := inv.Select([]string{tt.pattern})
			wantError(t, err, tt.want)
		})
	}
}

func TestWithoutAnInventoryANameIsAHost(t *testing.T) {
	t.Parallel()
	dir := write(t, "tmdoctor.yaml", fleet)
	none, err := Loader{Dir: t.TempDir()}.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Loader{Dir: dir}.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		inv      *Inventory
		patterns string
		want     string
	}{
		{"names", none, "tm17 tm18", "tm17 tm18"},
		{"names beside an inventory follow its hosts", found, "x9 tm001", "tm001 x9"},
		{"user and port", none, "a@tm17:22", "a@tm17:22"},
		{"ranges", none, "b@tm[1-2]", "b@tm1 b@tm2"},
		{"IPv6", none, "[::1]:22 ::2", "[::1]:22 ::2"},
		{"repeats", none, "tm1 tm1,tm[1-2]", "tm1 tm2"},
		{"a range that the inventory knows stays inside it", found, "tm[006-009]", "tm006"},
		{"exclusions", none, "tm[1-3] !tm2", "tm1 tm3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.inv.Select(strings.Fields(tt.patterns))
			if err != nil || names(got) != tt.want {
				t.Errorf("Select(%s) = %s, %v, want %s", tt.patterns, names(got), err, tt.want)
			}
		})
	}
	got, err := none.Select([]string{"localhost", "tm1"})
	if err != nil {
		t.Fatal(err)
	}
	wantHosts(t, got, []Host{{Name: "localhost", Local: true, Source: "command line"}, {Name: "tm1", Source: "command line"}})
}

func TestWithoutAnInventoryABadNameIsRefused(t *testing.T) {
	t.Parallel()
	none, err := Loader{Dir: t.TempDir()}.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Loader{Dir: write(t, "tmdoctor.yaml", fleet)}.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		inv            *Inventory
		patterns, want string
	}{
		{none, "tm17:x", `pattern "tm17:x": port "x" is not a number from 1 to 65535`},
		{none, "tm1 a@tm1", `host "tm1" is given as "tm1" and as "a@tm1" | keep one of the two`},
		{none, "tm1 !tm[1-2]", `no host matches "tm1 !tm[1-2]"`},
		{none, "tm[1-2] !*", `no host matches "tm[1-2] !*"`},
		{none, "tm1 !tm2", `no host matches "!tm2" | did you mean "tm1"?`},
		{found, "x*", `no host matches "x*"`},
		{found, "a@tm001", `pattern "a@tm001": host "tm001" is in the inventory (tmdoctor.yaml:3) | select it by its name, "tm001"; user and port are set in the inventory`},
		{none, "tm*", "no inventory; looked for $TMDOCTOR_INVENTORY (not set), ./tmdoctor.yaml (not there), $FLINK_HOME/conf/workers (FLINK_HOME is not set) | name hosts (tmdoctor check tm17 tm18) or a file with -i"},
	} {
		_, err := tt.inv.Select(strings.Fields(tt.patterns))
		wantError(t, err, tt.want)
	}
	for _, patterns := range [][]string{nil, {"!tm1"}, {"tm?"}} {
		_, err := none.Select(patterns)
		var missing *NoInventoryError
		if !errors.As(err, &missing) || len(missing.Looked) != 3 {
			t.Errorf("Select(%q) = %v, want a *NoInventoryError of three places", patterns, err)
		}
	}
}

func TestSelectLeavesTheInventoryAsItWas(t *testing.T) {
	t.Parallel()
	inv := mustLoad(t, "y", fleet)
	before := slices.Clone(inv.Hosts)
	if _, err := inv.Select([]string{"db*", "!db2"}); err != nil {
		t.Fatal(err)
	}
	wantHosts(t, inv.Hosts, before)
}

func TestNearestIsASlipAway(t *testing.T) {
	t.Parallel()
	keys := keyNames[:]
	for _, tt := range []struct{ word, want string }{
		{"usr", "user"}, {"prot", "port"}, {"flinkuser", "flink_user"}, {"identityfile", "identity_file"},
		{"Sudo", "sudo"}, {"state_dir", "state_dirs"}, {"password", ""}, {"x", ""}, {"", ""},
	} {
		if got := nearest(tt.word, keys); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}
