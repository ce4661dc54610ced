package conf

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// limitsVector is a tree of files and what a real pam_limits made of it: its
// return code, nofile soft and hard, nproc soft and hard.
type limitsVector struct {
	Files map[string]string `json:"files"`
	Flink []int64           `json:"flink"`
	Root  []int64           `json:"root"`
}

var vectorVariants = map[string]Variant{
	"pam-debian-1.5.2.json":   DebianVariant("1.5.2"),
	"pam-upstream-1.5.2.json": UpstreamVariant("1.5.2"),
}

func TestLimitsGiveWhatTheRecordedModulesGave(t *testing.T) {
	t.Parallel()
	dirs := []string{"testdata/limits"}
	if dir := os.Getenv("TMDOCTOR_GOLDEN"); dir != "" {
		dirs = append(dirs, dir)
	} else {
		t.Log("TMDOCTOR_GOLDEN is not set: only the samples are judged")
	}
	for _, dir := range dirs {
		judged, mismatches := 0, 0
		for name, variant := range vectorVariants {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			var vectors []limitsVector
			if err := json.Unmarshal(data, &vectors); err != nil {
				t.Fatal(err)
			}
			for i, v := range vectors {
				for user, want := range map[string][]int64{"flink": v.Flink, "root": v.Root} {
					got := replay(v, variant, user)
					judged++
					if !slices.Equal(got, want) {
						mismatches++
						t.Errorf("%s[%d] %s = %v, want %v", name, i, user, got, want)
					}
				}
			}
		}
		if judged == 0 {
			t.Errorf("%s has no vectors", dir)
		}
		t.Logf("golden: %d judged, %d mismatches", judged, mismatches)
	}
}

func replay(v limitsVector, variant Variant, user string) []int64 {
	in := Login{
		User:     LoginUser{Name: "root", Groups: []LoginGroup{{"root", 0}}},
		Variants: []Variant{variant}, NROpen: 1 << 20, Unprivileged: true, Modules: []LimitsModule{{}},
		Start: map[string]Rlimits{"nofile": {20000, 20000}, "nproc": {96365, 96365}},
	}
	if user == "flink" {
		in.User = LoginUser{Name: "flink", UID: 1500, GID: 1500, Groups: []LoginGroup{{"flink", 1500}, {"tm", 1501}}}
	}
	in.PID1 = in.Start
	for path, text := range v.Files {
		in.Files = append(in.Files, File{Path: path, Content: text})
	}
	out := ResolveLogin(in)
	got := []int64{0}
	if out.Refused != "" {
		got[0] = 6 // PAM_PERM_DENIED
	}
	for _, item := range []string{"nofile", "nproc"} {
		for _, b := range []Bound{out.Items[item].Soft, out.Items[item].Hard} {
			if !b.Known {
				got = append(got, -1)
			} else {
				got = append(got, int64(b.Value))
			}
		}
	}
	return got
}
