package demo_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// needs skips a test where a program is missing; in CI nothing may.
func needs(t *testing.T, program string) string {
	t.Helper()
	file, err := exec.LookPath(program)
	if err == nil {
		return file
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing", program)
	}
	t.Skipf("needs %s", program)
	return ""
}

func start(t *testing.T, members ...demo.Member) *demo.Fleet {
	t.Helper()
	f, err := demo.Start(t.Context(), members, demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestFleetIsReachedByOpenSSH proves the written files with an independent
// client.
func TestFleetIsReachedByOpenSSH(t *testing.T) {
	t.Parallel()
	ssh := needs(t, "ssh")
	hello := []byte("-- etc/hostname --\n{{user}} was here\n")
	f := start(t,
		demo.Member{Name: "tm001", Archive: hello},
		demo.Member{Name: "tm002", Unreachable: true},
		demo.Member{Name: "tm003", Archive: hello, ChangedKey: true},
		demo.Member{Name: "tm004", Archive: hello, UnknownKey: true},
		demo.Member{Name: "tm005", Archive: hello, Jump: "tm001"},
	)
	here := answer{Stdout: demo.Caller(time.Time{}).User + " was here\n"}
	for _, tt := range []struct {
		host   string
		want   answer
		stderr string // must be in it
	}{
		{"tm001", here, ""},
		{"tm002", answer{Status: 255}, "Connection refused"},
		{"tm003", answer{Status: 255}, "REMOTE HOST IDENTIFICATION HAS CHANGED"},
		{"tm004", answer{Status: 255}, "Host key verification failed"},
		{"tm005", here, ""},
	} {
		t.Run(tt.host, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, ssh, "-F", f.SSHConfig(), "-o", "BatchMode=yes",
				"-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null", tt.host, execSh)
			cmd.Stdin = strings.NewReader("root=''\ncat \"$root/etc/hostname\"\n")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			got := answer{Stdout: stdout.String()}
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				got.Status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tt.want || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("ssh %s = %+v, want %+v with %q\n%s", tt.host, got, tt.want, tt.stderr, &stderr)
			}
		})
	}
}

func TestFleetInventoryIsReadByPackageInventory(t *testing.T) {
	t.Parallel()
	f := start(t,
		demo.Member{Name: "tm002", Groups: []string{"rack1"}},
		demo.Member{Name: "tm001", Groups: []string{"rack1", "batch"}},
		demo.Member{Name: "other", Sudo: true},
	)
	inv, err := inventory.Load([]string{f.Inventory()})
	if err != nil {
		t.Fatal(err)
	}
	got, err := inv.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []inventory.Host{
		{Name: "other", Sudo: true},
		{Name: "tm001", Groups: []string{"batch", "rack1"}},
		{Name: "tm002", Groups: []string{"rack1"}},
	}
	options := cmp.Options{
		cmpopts.IgnoreFields(inventory.Host{}, "Source"),
		cmpopts.SortSlices(func(a, b inventory.Host) bool { return a.Name < b.Name }),
	}
	if diff := cmp.Diff(want, got, options); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

func TestFleetIsPrivate(t *testing.T) {
	t.Parallel()
	f := start(t, demo.Member{Name: "tm001"})
	for name, want := range map[string]fs.FileMode{
		f.Dir(): 0o700, f.KeyFile(): 0o600, f.SSHConfig(): 0o600, f.KnownHosts(): 0o600, f.Inventory(): 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", filepath.Base(name), got, want)
		}
	}
	if f.Server("tm001") == nil || f.Server("tm002") != nil {
		t.Errorf("Server(tm001) = %v, Server(tm002) = %v", f.Server("tm001"), f.Server("tm002"))
	}
}

func TestFleetCloseRemovesEverything(t *testing.T) {
	t.Parallel()
	f := start(t,
		demo.Member{Name: "tm001", Archive: []byte("mode 0000 root\n-- root/secret/key --\n")},
		demo.Member{Name: "tm002", Behave: demo.Behaviour{Fault: demo.Silent}},
		demo.Member{Name: "tm003", Unreachable: true},
	)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := f.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
			if _, err := os.Stat(f.Dir()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after Close the directory is there: %v", err)
			}
		})
	}
	wg.Wait()
}

// TestStartLeavesNothingWhenItFails is not parallel: it says where temporary
// directories are.
func TestStartLeavesNothingWhenItFails(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		members []demo.Member
		want    string
	}{
		{"a bad archive", t.Context(), []demo.Member{{Name: "tm001"}, {Name: "tm002", Archive: []byte("nul cmdline\n")}},
			`host tm002: tm002.txtar:1: no file cmdline`},
		{"a name twice", t.Context(), []demo.Member{{Name: "tm001"}, {Name: "tm001"}}, "host tm001: is there twice"},
		{"a name that is a path", t.Context(), []demo.Member{{Name: "../tm001"}}, `host "../tm001": not a plain name`},
		{"a jump host that is not there", t.Context(), []demo.Member{{Name: "tm001", Jump: "bastion"}},
			"host tm001: its jump host bastion is not in the fleet"},
		{"an interrupt", over, []demo.Member{{Name: "tm001"}}, "interrupted"},
	} {
		_, err := demo.Start(tt.ctx, tt.members, demo.Options{})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: Start = %v, want %s", tt.name, err, tt.want)
		}
		if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
			t.Errorf("%s: left %v, %v", tt.name, left, err)
		}
	}
}
