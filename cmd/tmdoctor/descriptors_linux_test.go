package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// TestFewOpenFilesCostTimeAndNoHost asks sixty hosts in processes that may open
// fewer files than that takes.
func TestFewOpenFilesCostTimeAndNoHost(t *testing.T) {
	t.Parallel()
	noShell(t)
	var members []demo.Member
	for i := range 60 {
		members = append(members, demo.Member{Name: fmt.Sprintf("tm%02d", i), Exec: saysLittle})
	}
	fleet, err := demo.Start(t.Context(), members, demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	const (
		warning = "tmdoctor: warning: 60 hosts at the same time need 184 open files, and this process may open 90: 13 are asked at a time\n"
		hint    = "tmdoctor: hint: raise the hard limit of open files here (ulimit -Hn) to 184: nofile in limits.conf for a login, LimitNOFILE= of a systemd unit, --ulimit of a container; or ask for no more than --in-flight 13\n"
		refused = "tmdoctor: error: this process may open 24 files, and 32 are needed to ask one host at a time\n"
	)
	for _, c := range []struct {
		name, limit, flags string
		status             int
		stderr             string // the beginning
		asked              int
	}{
		{"enough", "-n 184", "", 3, "", 60},
		{"too few", "-n 90", "", 3, warning + hint, 60},
		{"too few, and that is known", "-n 90", "--in-flight 13", 3, "", 60},
		{"a soft limit", "-S -n 90", "", 3, "", 60}, // package syscall raises it
		{"hardly any", "-n 24", "", exitUsage, refused, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			program := demoCommand(t, t.TempDir()).Path
			line := fmt.Sprintf("ulimit %s && exec %s check -o ndjson %s -F %s -i %s", c.limit, program, c.flags, fleet.SSHConfig(), fleet.Inventory())
			cmd := exec.Command("/bin/sh", "-c", line)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != c.status {
				t.Errorf("exit status %d, want %d", got, c.status)
			}
			if got := stderr.String(); !strings.HasPrefix(got, c.stderr) || c.stderr == "" && got != "" {
				t.Errorf("standard error\n%swant\n%s", got, c.stderr)
			}
			out := stdout.String()
			if got := strings.Count(out, `"phase":"script"`); got != c.asked || strings.Contains(out, "descriptor") {
				t.Errorf("%d hosts were asked, want %d\n%.500s", got, c.asked, out)
			}
		})
	}
}

// saysLittle is a host that runs the script to no end.
func saysLittle(_ context.Context, stdin io.Reader, stdout, _ io.Writer) int {
	io.Copy(io.Discard, stdin)
	io.WriteString(stdout, "nothing of use\n")
	return 0
}
