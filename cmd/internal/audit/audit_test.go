package audit

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// said is a runner whose hosts all gave one result.
type said remote.Result

func (s said) Run(_ context.Context, hosts []inventory.Host, _ remote.Script) iter.Seq[remote.Result] {
	return func(yield func(remote.Result) bool) {
		for i, h := range hosts {
			res := remote.Result(s)
			res.Host, res.Index = h, i
			if !yield(res) {
				return
			}
		}
	}
}

// ask audits one host that gave that result.
func ask(t *testing.T, res remote.Result) *report.Host {
	t.Helper()
	a := &Audit{Runner: said(res), Script: probes.NewScript("abc")}
	var got []*report.Host
	err := a.Run(t.Context(), []inventory.Host{{Name: "tm1"}}, func(h *report.Host) error {
		got = append(got, h)
		return nil
	})
	if err != nil || len(got) != 1 {
		t.Fatalf("%d hosts, error %v", len(got), err)
	}
	return got[0]
}

// localAnswer is what the script says of the machine the test runs on.
func localAnswer(t *testing.T) []byte {
	t.Helper()
	var res remote.Result
	runner := &remote.Runner{}
	script := &hostScript{&Audit{Script: probes.NewScript("abc")}}
	for r := range runner.Run(t.Context(), []inventory.Host{{Name: "localhost", Local: true}}, script) {
		res = r
	}
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	return res.Stdout
}

// TestCutAnswerIsUnknown cuts an answer behind every record: the host is
// unknown and nothing is concluded.
func TestCutAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	whole := localAnswer(t)
	end := bytes.Index(whole, []byte("tmdoctor-end abc\n"))
	if end < 0 {
		t.Fatal("the answer has no end")
	}
	if h := ask(t, remote.Result{Stdout: whole}); h.Unreachable != nil || len(h.Checks) == 0 {
		t.Fatalf("the whole answer is not judged: %+v", h.Unreachable)
	}
	for at := 0; at < end; at++ {
		if at > 0 && whole[at-1] != '\n' {
			continue
		}
		h := ask(t, remote.Result{Stdout: whole[:at]})
		if h.Status != probes.StatusUnknown || h.Unreachable == nil || h.Facts != nil || len(h.Checks) > 0 {
			t.Fatalf("cut at byte %d: status %s, unreachable %v, %d checks", at, h.Status, h.Unreachable, len(h.Checks))
		}
	}
}

// TestAnotherNonceIsUnknown: what somebody else's run printed is no answer.
// Whatever an answer does to us, the others are still judged.
func TestAPanicCostsTheHostAlone(t *testing.T) {
	t.Parallel()
	a := &Audit{} // without a script, whose nonce is asked for
	h := a.Host(remote.Result{Host: inventory.Host{Name: "tm1"}, Stdout: []byte("tmdoctor-begin abc 1\n")})
	if h.Name != "tm1" || h.Status != probes.StatusUnknown || h.Unreachable == nil || !strings.Contains(h.Unreachable.Reason, "itself panicked") || h.Unreachable.Hint == "" {
		t.Errorf("%+v, %+v", h, h.Unreachable)
	}
}

func TestAnotherNonceIsUnknown(t *testing.T) {
	t.Parallel()
	other := bytes.ReplaceAll(localAnswer(t), []byte(" abc"), []byte(" abd"))
	if h := ask(t, remote.Result{Stdout: other}); h.Status != probes.StatusUnknown || h.Unreachable == nil {
		t.Errorf("status %s, want unknown", h.Status)
	}
}

func TestResultThatDidNotCompleteKeepsItsReason(t *testing.T) {
	t.Parallel()
	h := ask(t, remote.Result{Stdout: localAnswer(t), Err: &remote.Error{Phase: remote.PhaseHostKey, Kind: remote.KindChangedKey, Reason: "changed", Hint: "look"}})
	want := report.Unreachable{Phase: "host_key", Kind: "changed_key", Reason: "changed", Hint: "look"}
	if h.Unreachable == nil || *h.Unreachable != want || h.Status != probes.StatusUnknown {
		t.Errorf("status %s, unreachable %+v, want %+v", h.Status, h.Unreachable, want)
	}
}

// TestClockOfAHostIsCompared: the host's date is held against when its answer
// came here.
func TestClockOfAHostIsCompared(t *testing.T) {
	t.Parallel()
	answer := localAnswer(t)
	facts, err := probes.ParseFacts(answer, "abc")
	if err != nil {
		t.Fatal(err)
	}
	now, ok := facts.Host.Now.Get()
	if !ok {
		t.Fatalf("the host does not tell its time: %s", facts.Host.Now.Why())
	}
	for _, row := range []struct {
		name string
		off  time.Duration
		want bool
	}{
		{"right", 0, false}, {"a minute behind", time.Minute, true}, {"a minute ahead", -time.Minute, true},
	} {
		h := ask(t, remote.Result{Stdout: answer, Ended: time.Unix(now, 0).Add(row.off), Timing: remote.Timing{Script: time.Second}})
		got := false
		for _, f := range h.Findings {
			got = got || f.Code == "host/clock-skew"
		}
		if got != row.want {
			t.Errorf("%s: host/clock-skew found: %v, want %v (skew %v)", row.name, got, row.want, h.Facts.Session.ClockSkew.Or(-1))
		}
	}
}

// TestHostWithACauseIsNeverOK, whatever was asked to be judged.
func TestHostWithACauseIsNeverOK(t *testing.T) {
	t.Parallel()
	a := probes.Audit{
		Status: probes.Fail, Causes: []probes.Cause{{Cause: "max_map_count", Confidence: probes.Proven}},
		Checks:   []probes.Check{{Probe: "maps", Status: probes.Fail}, {Probe: "host", Status: probes.OK}},
		Findings: []probes.Finding{{Code: "cause/max-map-count", Probe: "maps", Status: probes.Fail}, {Code: "maps/exhausted", Probe: "maps", Status: probes.Fail}},
	}
	if got := a.Only([]string{"host"}); got.Status != probes.Fail || len(got.Findings) != 1 || len(got.Checks) != 1 {
		t.Errorf("Only(host) = status %s, %d findings, %d checks; want fail, 1, 1", got.Status, len(got.Findings), len(got.Checks))
	}
}

func TestScriptHasTheSettingsOfTheHost(t *testing.T) {
	t.Parallel()
	a := &Audit{Script: probes.NewScript("abc"), Sudo: true}
	text := string((&hostScript{a}).Text(inventory.Host{Name: "tm1", FlinkUser: "o'neil", FlinkHome: "/opt/flink", StateDirs: []string{"/a", "/b"}}))
	first := strings.Join(strings.SplitN(text, "\n", 3)[:2], "\n")
	want := fmt.Sprintf("root=''\nnonce='abc' sudo='1' flink_user=%s flink_home='/opt/flink' state_dirs='/a,/b'", `'o'\''neil'`)
	if first != want {
		t.Errorf("the script begins\n%s\nwant\n%s", first, want)
	}
}

// TestOldSSHServers: what a connection needed of old algorithms is a warning
// of its host, and nothing is said of others.
func TestOldSSHServers(t *testing.T) {
	t.Parallel()
	answer := localAnswer(t)
	for _, old := range [][]string{nil, {"key exchange diffie-hellman-group1-sha1", "cipher aes128-cbc"}} {
		h := ask(t, remote.Result{Stdout: answer, Legacy: old})
		i := slices.IndexFunc(h.Findings, func(f probes.Finding) bool { return f.Code == "host/legacy-ssh" })
		if (i >= 0) != (old != nil) {
			t.Fatalf("old %q: found %v", old, i >= 0)
		}
		if i >= 0 && (h.Findings[i].Status != probes.Warn || !strings.Contains(h.Findings[i].Message, strings.Join(old, ", "))) {
			t.Errorf("%+v", h.Findings[i])
		}
	}
}
