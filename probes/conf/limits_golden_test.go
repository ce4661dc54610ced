package conf_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// limitsVectors names pam-debian-1.5.2.json and pam-upstream-1.4.0.json.
var limitsVectors = regexp.MustCompile(`^pam-(debian|upstream)-(\d+(?:\.\d+)*)\b.*\.json$`)

// limitsVector is a tree and what a real pam_limits made of it for two users:
// its return code, nofile soft and hard, nproc soft and hard.
type limitsVector struct {
	Files map[string]string `json:"files"`
	Flink []any             `json:"flink"`
	Root  []any             `json:"root"`
}

// goldenLogin is how the vectors were recorded: without CAP_SYS_RESOURCE, by a
// process and a process 1 with these limits.
func goldenLogin(user string, variant conf.Variant, files map[string]string) conf.Login {
	start := map[string]conf.Rlimits{"nofile": {Soft: 20000, Hard: 20000}, "nproc": {Soft: 96365, Hard: 96365}}
	in := conf.Login{
		User:     conf.LoginUser{Name: "root", Groups: []conf.LoginGroup{{Name: "root"}}},
		Variants: []conf.Variant{variant}, NROpen: 1 << 20, Unprivileged: true, Modules: []conf.LimitsModule{{}},
		Start: start, PID1: start,
	}
	if user == "flink" {
		in.User = conf.LoginUser{Name: "flink", UID: 1500, GID: 1500, Groups: []conf.LoginGroup{{Name: "flink", GID: 1500}, {Name: "tm", GID: 1501}}}
	}
	for path, text := range files {
		in.Files = append(in.Files, conf.File{Path: path, Content: text})
	}
	return in
}

// loginNumbers is a result as a vector has it.
func loginNumbers(out conf.LoginLimits) []string {
	got := []string{"0"}
	switch {
	case out.Refused == "":
	case out.RefusedAt.File != "" && out.RefusedAt.Line == 0:
		got[0] = "3" // PAM_SERVICE_ERR: a file cannot be opened
	default:
		got[0] = "6" // PAM_PERM_DENIED
	}
	for _, item := range []string{"nofile", "nproc"} {
		for _, b := range []conf.Bound{out.Items[item].Soft, out.Items[item].Hard} {
			if b.Known {
				got = append(got, strconv.FormatUint(uint64(b.Value), 10))
			} else {
				got = append(got, "unknown ("+b.Why+")")
			}
		}
	}
	return got
}

func TestGoldenLimitsAgreeWithTheRealModules(t *testing.T) {
	t.Parallel()
	var n tally
	for _, f := range goldenFiles(t, limitsVectors) {
		variant := conf.UpstreamVariant(f.groups[1])
		if f.groups[0] == "debian" {
			variant = conf.DebianVariant(f.groups[1])
		}
		for i, v := range vectors[limitsVector](t, f) {
			for user, recorded := range map[string][]any{"flink": v.Flink, "root": v.Root} {
				got := loginNumbers(conf.ResolveLogin(goldenLogin(user, variant, v.Files)))
				want, judged := []string{}, false
				for j, number := range recorded {
					w, ok := goldenNumber(number)
					if judged = judged || ok; !ok && j < len(got) {
						w = got[j]
					}
					want = append(want, w)
				}
				if !judged {
					continue
				}
				n.judge(t, fmt.Sprintf("%s[%d] for %s: %s", f.name, i, user, variant.Name), strings.Join(got, " "), strings.Join(want, " "), v.Files)
			}
		}
	}
	n.done(t)
}
