//go:build unix

package probes_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestGuardEndsAllBelow: what a guard gives up leaves no process behind, however
// the caller divides words, on a kernel that lists children and on one that does
// not; and the caller divides words as before. Whoever is left has our pipe open.
func TestGuardEndsAllBelow(t *testing.T) {
	t.Parallel()
	const divided = "IFS=[%s] f=%s\n"
	callers := []struct{ name, set, want string }{
		{"words", "unset IFS; set +f", fmt.Sprintf(divided, "unset", "")},
		{"lines", "IFS=$nl; set -f", fmt.Sprintf(divided, "\n", "f")},
		{"nothing", "IFS=; set -f", fmt.Sprintf(divided, "", "f")},
	}
	kernels := map[string]string{"lists children": "", "lists none": "/task/$1/children"}
	for _, shell := range shells {
		for _, caller := range callers {
			for kernel, without := range kernels {
				t.Run(shell[0]+"/"+caller.name+"/"+kernel, func(t *testing.T) {
					t.Parallel()
					if _, err := exec.LookPath(shell[0]); err != nil {
						lacking(t, shell[0])
					}
					prelude := probes.ScriptParts()["prelude.sh"]
					if without != "" {
						prelude = strings.ReplaceAll(prelude, without, "/none")
					}
					got := endsWith(t, shell, prelude+`
hang() { sleep 600 | { sleep 600 | sleep 600; }; }
ticker_start
`+caller.set+`
guard 1 hang
status=$?
case $- in *f*) f=f ;; *) f= ;; esac
say "$status IFS=[${IFS-unset}] f=$f"
ticker_stop
`)
					if want := "124 " + caller.want; got != want {
						t.Errorf("said %q, want %q", got, want)
					}
				})
			}
		}
	}
}

// endsWith runs a program and returns what it said once all that it started is
// gone.
func endsWith(t *testing.T, shell []string, text string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(shell[0], append(shell[1:], "-s")...)
	cmd.Stdin, cmd.Stdout = strings.NewReader(text), w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	r.SetReadDeadline(time.Now().Add(15 * time.Second))
	out, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("processes are left: %v", err)
	}
	return string(out)
}
