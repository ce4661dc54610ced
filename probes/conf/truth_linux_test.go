package conf_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

var (
	truthTrees = flag.Int("truth", 40, "how many trees a release TestTruth judges")
	truthSeed  = flag.Uint64("truthseed", 20261124, "the seed of these trees")
)

// truthDir is the environment variable that names the directory of the roots.
const truthDir = "TMDOCTOR_TRUTH"

// truthRoot is in the environment of the process that judges one release: the
// root file system, and a directory to mount upon.
const truthRoot, truthMount = "TMDOCTOR_TRUTH_ROOT", "TMDOCTOR_TRUTH_MOUNT"

// TestTruth runs the programs of Debian 11, 12 and 13 themselves on random
// trees and requires of the resolvers what these programs gave. Each release
// is judged by a process of its own, which stands in namespaces of its own in
// the release's root (testdata/truth/roots.sh makes them): what it mounts,
// starts and leaves behind is gone when it ends. TMDOCTOR_TRUTH names the
// directory of the roots; without it nothing is judged (see make truth).
func TestTruth(t *testing.T) {
	t.Parallel()
	if os.Getenv(truthRoot) != "" {
		return // TestTruthInside is what that process runs
	}
	dir := os.Getenv(truthDir)
	if dir == "" {
		t.Skip(truthDir + " is not set")
	}
	if os.Geteuid() != 0 {
		noTruth(t, "only root can change the root")
	}
	for _, release := range []string{"11", "12", "13"} {
		t.Run("debian "+release, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(dir, "debian-"+release)
			if _, err := os.Stat(root + "/.packages"); err != nil {
				noTruth(t, "testdata/truth/roots.sh has not made "+root)
			}
			judgeRelease(t, root)
		})
	}
}

// noTruth ends a test that cannot run here: skipped on a developer's machine,
// failed where CI demands it.
func noTruth(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" && os.Getenv(truthDir) != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// TestTruthIsAskedFor runs this program again: TestTruth does nothing unless
// its variable is set, and where CI demands it, being unable fails.
func TestTruthIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		env  []string
		want string
	}{
		{"not asked for", []string{"CI=1", truthDir + "="}, "--- SKIP: TestTruth "},
		{"asked for where it cannot be", []string{"CI=", truthDir + "=" + t.TempDir()}, "--- SKIP: TestTruth"},
		{"demanded where it cannot be", []string{"CI=1", truthDir + "=" + t.TempDir()}, "--- FAIL: TestTruth "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if out := again(t, "", tt.env, "-test.run=^TestTruth$"); !strings.Contains(out, tt.want) {
				t.Errorf("want %q in\n%s", tt.want, out)
			}
		})
	}
}

// judgeRelease runs TestTruthInside in new namespaces.
func judgeRelease(t *testing.T, root string) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command(self, "-test.run=^TestTruthInside$", "-test.v", "-test.timeout=0",
		"-truth="+strconv.Itoa(*truthTrees), "-truthseed="+strconv.FormatUint(*truthSeed, 10))
	cmd.Env = []string{truthRoot + "=" + root, truthMount + "=" + t.TempDir(), "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.ExtraFiles = []*os.File{write}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Start()
	write.Close()
	if err != nil {
		noTruth(t, "no namespaces: "+err.Error())
	}
	var report bytes.Buffer
	_, readErr := report.ReadFrom(read)
	err = cmd.Wait()
	if why, unable := strings.CutPrefix(report.String(), "unable: "); unable {
		noTruth(t, why)
	}
	if err != nil || readErr != nil {
		t.Errorf("%v %v\n%s", err, readErr, out.String())
	}
	t.Log(strings.TrimSpace(report.String()))
}

// TestTruthInside judges one release from inside.
func TestTruthInside(t *testing.T) {
	root := os.Getenv(truthRoot)
	if root == "" {
		return // TestTruth starts it
	}
	report := os.NewFile(3, "report")
	syscall.CloseOnExec(3)
	if err := enterRoot(root, os.Getenv(truthMount)); err != nil {
		fmt.Fprintf(report, "unable: %v", err)
		return
	}
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		t.Fatal(err)
	}
	tr := &truth{T: t, release: strings.TrimPrefix(filepath.Base(root), "debian-"), osRelease: string(text)}
	if !strings.Contains(tr.osRelease, `VERSION_ID="`+tr.release+`"`) {
		t.Fatalf("%s is another release: %s", root, tr.osRelease)
	}
	number, _ := strconv.ParseUint(tr.release, 10, 64)
	tr.rng = rand.New(rand.NewPCG(*truthSeed, number))
	tr.sysctls()
	tr.logins()
	fmt.Fprintln(report, tr.line())
}

// truth is one release under judgement.
type truth struct {
	*testing.T
	release   string // "12"
	osRelease string
	rng       *rand.Rand
	tallies   []*verdicts
}

// verdicts counts the trees that were judged by a program.
type verdicts struct {
	program       string
	judged, wrong int
	told          int // trees that the program obeyed at least in part
}

// verdict counts a tree, and prints it if the resolver and the program
// disagree. told says that the program did something because of the tree.
func (tr *truth) verdict(program string, n int, tree []conf.File, told bool, wrong []string) {
	tr.Helper()
	i := slices.IndexFunc(tr.tallies, func(x *verdicts) bool { return x.program == program })
	if i < 0 {
		i, tr.tallies = len(tr.tallies), append(tr.tallies, &verdicts{program: program})
	}
	tr.tallies[i].judged++
	if told {
		tr.tallies[i].told++
	}
	if len(wrong) > 0 {
		tr.tallies[i].wrong++
		tr.Errorf("debian %s, seed %d, tree %d: %s:\n%s\n%s", tr.release, *truthSeed, n, program, strings.Join(wrong, "\n"), show(tree))
	}
}

// line is the summary of a release. Agreement about trees of which a program
// takes no notice would say nothing.
func (tr *truth) line() string {
	tr.Helper()
	var parts []string
	for _, x := range tr.tallies {
		if x.told*3 < x.judged {
			tr.Errorf("debian %s: %s obeyed %d trees of %d", tr.release, x.program, x.told, x.judged)
		}
		parts = append(parts, fmt.Sprintf("%s %d judged, %d mismatches", x.program, x.judged, x.wrong))
	}
	return fmt.Sprintf("truth: debian %s: %s (seed %d)", tr.release, strings.Join(parts, "; "), *truthSeed)
}

// run runs a program of the release; its exit status is for the caller to
// judge, that it could not be started ends the test.
func (tr *truth) run(argv ...string) (stdout, stderr string, status int) {
	tr.Helper()
	cmd := exec.CommandContext(tr.Context(), argv[0], argv[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		tr.Fatalf("%q: %v", argv, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// version is the version of a package of the release.
func (tr *truth) version(pkg string) string {
	tr.Helper()
	out, errs, status := tr.run("/usr/bin/dpkg-query", "-W", "-f", "${Version}", pkg)
	if status != 0 || out == "" {
		tr.Fatalf("dpkg-query %s: %s", pkg, errs)
	}
	return out
}

// pick is one of all.
func pick[T any](rng *rand.Rand, all ...T) T { return all[rng.IntN(len(all))] }

// chance is true n times in a hundred.
func chance(rng *rand.Rand, n int) bool { return rng.IntN(100) < n }
