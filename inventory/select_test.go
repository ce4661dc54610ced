package inventory

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
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
		{"all", "all", all},
		{"an intersection", "dc1 &tm00[2-4]", "tm002 tm003 tm004"},
		{"an intersection holds wherever it stands", "&rack1,tm001,tm004 tm002", "tm001 tm002"},
		{"two intersections", "&tm* &dc1", "tm001 tm002 tm003 tm004 tm005"},
		{"an intersection with a group of another name", "db* &db1", "db1 db2 db3"},
		{"union, intersection, exclusion", "rack1,rack2,&dc1,!tm00[1,3]", "tm002 tm004 tm005"},
		{"exclusions count last", "!rack1 &dc1 all", "tm004 tm005"},
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
		{"a slip in an intersection", "dc1 &rakc1", NoMatchError{"&rakc1", "rack1"}},
		{"nothing is in both", "rack1 &rack2", NoMatchError{"rack1 &rack2", ""}},
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
		{"&", `pattern "": host name is empty`},
		{"!&tm001", `pattern "&tm001": host name "&tm001" has the character '&'`},
		{"@tm1", `pattern "@tm1" begins with @ | @unhealthy:REPORT.json are the hosts that were not ok in a saved report`},
		{"!@unhealthy:", `pattern "@unhealthy:" begins with @`},
		{"@unhealthy:r.json", `pattern "@unhealthy:r.json": no saved report can be read here`},
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
		{"intersections", none, "tm[1-3] &tm[2-9] &all", "tm2 tm3"},
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

// TestSelectIsSetAlgebra compares random expressions with sets.
func TestSelectIsSetAlgebra(t *testing.T) {
	t.Parallel()
	inv := mustLoad(t, "y", fleet)
	atoms := map[string]string{
		"all": "tm001 tm002 tm003 tm004 tm005 tm006 db1 db2 db3", "rack1": "tm001 tm002 tm003", "rack2": "tm004 tm005",
		"dc1": "tm001 tm002 tm003 tm004 tm005", "db1": "db1 db2 db3", "tm00[2-4]": "tm002 tm003 tm004", "*2": "tm002 db2 tm004 tm005",
		"tm006": "tm006", "db[3-9]": "db3",
	}
	words := slices.Sorted(maps.Keys(atoms))
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		var patterns []string
		in, narrowed := map[string]bool{}, map[string]bool{}
		for _, n := range inv.HostNames() {
			narrowed[n] = true
		}
		added := false
		for range 1 + r.IntN(5) {
			word := words[r.IntN(len(words))]
			set := strings.Fields(atoms[word])
			switch sign := r.IntN(4); sign {
			case 0:
				patterns = append(patterns, "!"+word)
				for _, n := range set {
					narrowed[n] = false
				}
			case 1:
				patterns = append(patterns, "&"+word)
				for n := range narrowed {
					narrowed[n] = narrowed[n] && slices.Contains(set, n)
				}
			default:
				patterns, added = append(patterns, word), true
				for _, n := range set {
					in[n] = true
				}
			}
		}
		var want []string
		for _, n := range inv.HostNames() {
			if narrowed[n] && (in[n] || !added) {
				want = append(want, n)
			}
		}
		got, err := inv.Select([]string{strings.Join(patterns, ",")})
		var none *NoMatchError
		if errors.As(err, &none) && len(want) == 0 {
			continue
		}
		if err != nil || names(got) != strings.Join(want, " ") {
			t.Fatalf("Select(%s) = %s, %v, want %s", patterns, names(got), err, want)
		}
	}
}

func TestSelectTakesWhatWasNotOKInASavedReport(t *testing.T) {
	t.Parallel()
	reports := map[string]SavedReport{
		"a,b.json": {Unhealthy: []string{"tm005", "tm001", "db1"}}, "well.json": {}, "cut.json": {Unhealthy: []string{"tm001"}, Missing: 7},
		"old.json": {Unhealthy: []string{"tm001", "gone1", "gone2"}}, "odd.json": {Unhealthy: []string{"x[1-9]"}},
	}
	l := Loader{Dir: write(t, "y", fleet), Saved: func(file string) (SavedReport, error) {
		r, ok := reports[file]
		if !ok {
			return r, fs.ErrNotExist
		}
		return r, nil
	}}
	inv, err := l.Load([]string{"y"})
	if err != nil {
		t.Fatal(err)
	}
	none, err := Loader{Dir: t.TempDir(), Saved: l.Saved}.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		inv      *Inventory
		patterns string
		want     string
	}{
		{inv, "@unhealthy:a,b.json", "tm001 tm005 db1"}, // the host db1, not the group
		{inv, "@unhealthy:a,b.json &rack1", "tm001"},
		{inv, "rack1 &@unhealthy:a,b.json", "tm001"},
		{inv, "rack1 !@unhealthy:a,b.json", "tm002 tm003"},
		{inv, "rack2 !@unhealthy:well.json", "tm004 tm005"},
		{inv, "rack1 &@unhealthy:old.json", "tm001"},
		{none, "@unhealthy:old.json", "tm001 gone1 gone2"},
		{inv, "@unhealthy:well.json", `error: pattern "@unhealthy:well.json": every host of the report was ok`},
		{inv, "rack1 &@unhealthy:well.json", `error: no host matches "rack1 &@unhealthy:well.json"`},
		{inv, "@unhealthy:cut.json", "error: cut.json: the run was cut short: 7 hosts that were selected are not in the report, and nobody knows if they are ok"},
		{inv, "!@unhealthy:cut.json", "error: cut.json: the run was cut short: 7 hosts that were selected are not in the report, and nobody knows if they are ok"},
		{inv, "@unhealthy:old.json", `error: pattern "@unhealthy:old.json": 2 of its 3 hosts are not in the inventory: gone[1-2]`},
		{none, "@unhealthy:odd.json", `error: pattern "@unhealthy:odd.json": 1 of its 1 hosts are not in the inventory: x[1-9]`},
		{inv, "@unhealthy:missing.json", `error: pattern "@unhealthy:missing.json": file does not exist`},
	} {
		hosts, err := tt.inv.Select(strings.Fields(tt.patterns))
		got := names(hosts)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want {
			t.Errorf("Select(%s) = %s, want %s", tt.patterns, got, tt.want)
		}
	}
}

// FuzzSelect: any pattern selects hosts of the inventory in its order, or is
// refused; what it selects and what its exclusion leaves are the whole.
func FuzzSelect(f *testing.F) {
	for _, p := range []string{"tm001", "!rack1", "&d*", "tm[001-003],!tm002", "@unhealthy:x", "all,&all", "?*[1-2]"} {
		f.Add(p)
	}
	inv, err := Loader{Stdin: strings.NewReader(fleet)}.Load([]string{"-"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, p string) {
		chosen, err := inv.Select([]string{p})
		if err != nil || strings.ContainsAny(p, ", \t&!") {
			return
		}
		left, err := inv.Select([]string{"!" + p})
		var none *NoMatchError
		if err != nil && !(errors.As(err, &none) && len(chosen) == len(inv.Hosts)) {
			t.Fatalf("!%s: %v", p, err)
		}
		if len(chosen)+len(left) != len(inv.Hosts) {
			t.Errorf("%q chooses %s and leaves %s", p, names(chosen), names(left))
		}
	})
}
