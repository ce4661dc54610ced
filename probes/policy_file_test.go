package probes

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestTheExamplePolicyIsRead(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../examples/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParsePolicy("policy.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	want := &Policy{
		Name: "policy.yaml",
		Numbers: map[string]int64{
			"maps/floor": 262144, "nofile/floor": 131072, "address-space/floor": int64(Unlimited), "maps/near": 50, "nofile/near": 60,
		},
		Codes: map[string]Status{"maps/low": Warn, "nofile/low": Fail, "nofile/restart-needed": Fail},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("examples/policy.yaml (-want +got):\n%s", d)
	}
}

func TestAWrongPolicySaysWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	const schema = "schema: tmdoctor/policy/v1\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "p.yaml:1:1: this does not begin with schema: tmdoctor/policy/v1 (a policy begins with: schema: tmdoctor/policy/v1)"},
		{"a list", "- a\n", "p.yaml:1:1: this does not begin with schema: tmdoctor/policy/v1 (a policy begins with: schema: tmdoctor/policy/v1)"},
		{"schema comes later", "codes:\n" + schema, "p.yaml:1:1: this does not begin with schema: tmdoctor/policy/v1 (a policy begins with: schema: tmdoctor/policy/v1)"},
		{"another schema", "schema: tmdoctor/policy/v2\n", `p.yaml:1:9: schema "tmdoctor/policy/v2" is not known (a policy begins with: schema: tmdoctor/policy/v1)`},
		{"a key that nearly is one", schema + "treshold:\n", `p.yaml:2:1: key "treshold" is not known (did you mean "thresholds"?)`},
		{"another key", schema + "waivers: []\n", `p.yaml:2:1: key "waivers" is not known (there are schema, floors, thresholds, codes)`},
		{"a key twice", schema + "codes:\n  maps/low: warn\n  maps/low: fail\n", `p.yaml:4:3: key "maps/low" is there twice, first in line 3 (keep one of the two)`},
		{"floors as a list", schema + "floors:\n  - nofile: 1\n", "p.yaml:3:3: floors: want a mapping, found a list (write NAME: VALUE lines below it)"},
		{"an unknown floor", schema + "floors:\n  nofiles: 1\n", `p.yaml:3:3: floor "nofiles" is not known (did you mean "nofile"?)`},
		{"a floor of vmem", schema + "floors:\n  virtual: 1\n", `p.yaml:3:3: floor "virtual" is not known (there are as, nofile, vm.max_map_count)`},
		{"no number", schema + "floors:\n  nofile: 64k\n", `p.yaml:3:11: nofile: "64k" is not a number of files (write digits only)`},
		{"below zero", schema + "floors:\n  nofile: -1\n", `p.yaml:3:11: nofile: "-1" is not a number of files (write digits only)`},
		{"nothing", schema + "floors:\n  nofile:\n", `p.yaml:3:10: nofile: nothing is not a number of files (write digits only)`},
		{"unlimited files", schema + "floors:\n  nofile: unlimited\n", `p.yaml:3:11: nofile: "unlimited" is not a number of files (write digits only)`},
		{"a size with a suffix", schema + "floors:\n  as: 64G\n", `p.yaml:3:7: as: "64G" is not a number of bytes (write a number of bytes, or unlimited)`},
		{"an unknown threshold", schema + "thresholds:\n  maps/nea: 10\n", `p.yaml:3:3: threshold "maps/nea" is not known (did you mean "maps/near"?)`},
		{"more than all", schema + "thresholds:\n  maps/near: 101\n", "p.yaml:3:14: maps/near: 101 is not a share in percent (write a number from 1 to 100)"},
		{"a share with its sign", schema + "thresholds:\n  maps/near: 60%\n", `p.yaml:3:14: maps/near: "60%" is not a number of percent (write a number from 1 to 100, without the sign)`},
		{"a floor as threshold again", schema + "floors:\n  nofile: 1\nthresholds:\n  nofile/floor: 2\n", "p.yaml:5:3: nofile/floor has a value already, as a floor or as a threshold (keep one of the two)"},
		{"an unknown code", schema + "codes:\n  nofile/lo: fail\n", `p.yaml:3:3: code "nofile/lo" is not known (did you mean "nofile/low"?)`},
		{"a code that is nothing like one", schema + "codes:\n  everything: fail\n", `p.yaml:3:3: code "everything" is not known (tmdoctor explain --policy lists them all)`},
		{"a status that is none", schema + "codes:\n  maps/low: ok\n", `p.yaml:3:13: maps/low: "ok" is not warn or fail (to accept a finding on some hosts for some time, use a waiver)`},
		{"an alias", schema + "floors: &a\n  nofile: 1\ncodes: *a\n", "p.yaml:4:8: aliases are not read (write the value out)"},
		{"two documents", schema + "---\n" + schema, "p.yaml:2:1: a second YAML document begins here (keep one document in a file)"},
		{"not YAML", schema + "floors:\n\tnofile: 1\n", "p.yaml:3:1: not YAML: found character that cannot start any token (YAML is indented with spaces, and a text that begins with [ { * & ! | > % @ needs quotes)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParsePolicy("p.yaml", []byte(c.text))
			var e *conf.Error
			if !errors.As(err, &e) {
				t.Fatalf("error = %v, want a *conf.Error", err)
			}
			if got := e.Error() + " (" + e.Hint + ")"; got != c.want {
				t.Errorf("error = %s\nwant    %s", got, c.want)
			}
		})
	}
}

func TestEffectiveSaysWhereEachValueComesFrom(t *testing.T) {
	t.Parallel()
	p, err := ParsePolicy("fleet.yaml", []byte("schema: tmdoctor/policy/v1\nfloors:\n  as: 4294967296\nthresholds:\n  maps/near: 60\ncodes:\n  maps/low: fail\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"floor vm.max_map_count": "262144 maps (default 262144 maps) from default",
		"floor as":               "4294967296 bytes (default unlimited) from fleet.yaml",
		"threshold maps/near":    "60 % (default 60 %) from fleet.yaml",
		"threshold nofile/near":  "70 % (default 70 %) from default",
		"code maps/low":          "fail (default warn) from fleet.yaml",
		"code nofile/low":        "warn (default warn) from default",
	}
	got := map[string]string{}
	all := Effective(p)
	for _, v := range all {
		if name := v.Kind + " " + v.Name; want[name] != "" {
			got[name] = v.Value + " (default " + v.Default + ") from " + v.From
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("values in force (-want +got):\n%s", d)
	}
	if n := len(policyFloors); len(all) < n || all[n-1].Kind != "floor" || all[n].Kind == "floor" {
		t.Errorf("the %d floors do not come first: %+v", n, all[:n+1])
	}
	if len(all) != len(Effective(nil)) {
		t.Error("a policy changes how many values there are")
	}
}

func TestEveryValueInForceCanBeWrittenAsAPolicyAndReadBack(t *testing.T) {
	t.Parallel()
	sections := map[string]*strings.Builder{"floor": {}, "threshold": {}, "code": {}}
	for _, v := range Effective(nil) {
		value, _, _ := strings.Cut(v.Value, " ")
		sections[v.Kind].WriteString("  " + v.Name + ": " + value + "\n")
	}
	text := "schema: tmdoctor/policy/v1\nfloors:\n" + sections["floor"].String() + "thresholds:\n" + sections["threshold"].String() + "codes:\n" + sections["code"].String()
	p, err := ParsePolicy("all.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range Effective(p) {
		d := Effective(nil)[i]
		if v.Value != d.Value || v.From != "all.yaml" {
			t.Errorf("%s %s = %s from %s, want %s from all.yaml", v.Kind, v.Name, v.Value, v.From, d.Value)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add("schema: tmdoctor/policy/v1\nfloors:\n  nofile: 1\ncodes:\n  maps/low: fail\n")
	f.Add("schema: tmdoctor/policy/v1\nfloors: &a {nofile: *a}\n")
	f.Add("a: [\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePolicy("p.yaml", []byte(text))
		if err != nil {
			var e *conf.Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		// What was read judges a host without a panic, and no status but the two.
		for code, s := range p.Codes {
			if s != Warn && s != Fail {
				t.Errorf("%s is %s", code, s)
			}
		}
		_ = Evaluate(aHost(aTaskManager(1)), p)
	})
}
