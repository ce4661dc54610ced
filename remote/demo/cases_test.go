package demo_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

func TestCasesStartQuicklyAndAnswer(t *testing.T) {
	t.Parallel()
	cases := demo.Cases()
	begin := time.Now()
	f, err := demo.StartCases(t.Context(), cases)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	t.Logf("%d hosts in %v", len(cases), time.Since(begin))
	key := readKey(t, f)
	for _, c := range cases {
		s := f.Server(c.Name)
		if c.Expect.Phase != "" {
			continue // it cannot be asked
		}
		client, err := operator{key}.dial(t, s, 0)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		got, err := run(client, execSh, "root=''\ncat \"$root/etc/hostname\"\n")
		if want := (answer{Stdout: c.Name + "\n"}); got != want || err != nil {
			t.Errorf("%s: %+v, %v, want %+v", c.Name, got, err, want)
		}
	}
}

// readKey is the operator's key as a client reads it.
func readKey(t *testing.T, f *demo.Fleet) ssh.Signer {
	t.Helper()
	data, err := os.ReadFile(f.KeyFile())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestMostCasesAreHealthy(t *testing.T) {
	t.Parallel()
	cases := demo.Cases()
	healthy, names := 0, []string{}
	for _, c := range cases {
		if c.Expect.Status == "ok" {
			healthy++
		}
		names = append(names, c.Name)
	}
	if len(cases) < 16 || healthy < 14 || healthy*2 <= len(cases) {
		t.Errorf("%d of %d hosts are healthy, want a majority of at least 14 of at least 16", healthy, len(cases))
	}
	if slices.Sort(names); len(slices.Compact(names)) != len(cases) {
		t.Errorf("a name is there twice: %v", names)
	}
}

func TestAnExpectationReadsLikeAReport(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		expect demo.Expect
		want   string
	}{
		{demo.Expect{Status: "ok"}, "ok"},
		{demo.Expect{Status: "unknown", Phase: "connect"}, "unknown, unreachable in phase connect"},
		{demo.Expect{Status: "fail", Cause: "open_files", Confidence: "proven", Code: "nofile/low"}, "fail, cause open_files proven, finding nofile/low"},
		{demo.Expect{Status: "ok", NotSeen: "sudo refuses it"}, "ok, not seen: sudo refuses it"},
	} {
		if got := tt.expect.String(); got != tt.want {
			t.Errorf("String() = %q, want %q", got, tt.want)
		}
	}
}
