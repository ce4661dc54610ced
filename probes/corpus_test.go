//go:build unix

package probes_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// corpusCase is a recorded host: case.json and facts.json beside a tree.
type corpusCase struct {
	name   string
	Cause  string   `json:"cause"`
	Accept []string `json:"accept"`
	Says   []string `json:"says"` // what message or remedy of the first cause must contain
	facts  corpusFacts
}

// corpusFacts is what a directory cannot show.
type corpusFacts struct {
	TaskManagers []struct {
		PID, Maps, FDs, Threads int
		Open                    []string
	} `json:"taskmanagers"`
	Filesystems [][]string        `json:"filesystems"`
	Inodes      [][]string        `json:"inodes"`
	Directories []string          `json:"directories"`
	Connect     []string          `json:"jobmanager_connect"`
	Date        string            `json:"date"`
	Unit        map[string]string `json:"unit"`
	NewSession  []string          `json:"nofile_new_session"`
}

// corpusDir holds recorded hosts. The module's own has one of each kind.
//
//	go test ./probes -run TestCorpus -args -corpus DIR
var corpusDir = flag.String("corpus", filepath.Join("testdata", "corpus"), "judge the recorded hosts of `DIR`, relative to this package or to the module")

// TestCorpus judges every recorded host of a directory: the script runs over
// its tree, what a directory cannot show is put beside it, and the causes are
// compared with the one that was injected.
func TestCorpus(t *testing.T) {
	dir, list := corpusCases(t)
	score := corpusScore{}
	t.Run("case", func(t *testing.T) {
		for _, file := range list {
			c := readCorpusCase(t, filepath.Dir(file))
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				root := t.TempDir()
				layOut(t, filepath.Join(dir, c.name, "tree"), root, c)
				facts := collect(t, corpusShell(t), probes.HostSettings{Root: root})
				score.judge(t, c, probes.Diagnose(facts, &probes.Policy{}))
			})
		}
	})
	slices.Sort(score.wrong)
	for _, line := range score.wrong {
		fmt.Println(line)
	}
	fmt.Printf("corpus: %d cases, %d right first, %d proven, %d wrong proven, %d false alarms\n",
		score.cases, score.right, score.proven, score.wrongProven, score.falseAlarms)
}

// corpusCases are the files case.json of the directory. None is an error.
func corpusCases(t *testing.T) (dir string, list []string) {
	t.Helper()
	for _, dir = range []string{*corpusDir, filepath.Join("..", *corpusDir)} {
		list, err := filepath.Glob(filepath.Join(dir, "*", "case.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 {
			return dir, list
		}
	}
	t.Fatalf("%s holds no recorded host (NAME/case.json)", *corpusDir)
	return "", nil
}

// corpusShell is the first shell that is installed.
func corpusShell(t testing.TB) []string {
	for _, shell := range shells {
		if _, err := exec.LookPath(shell[0]); err == nil {
			return shell
		}
	}
	return []string{"sh"}
}

// corpusScore counts how cases were judged.
type corpusScore struct {
	sync.Mutex
	cases, right, proven, wrongProven, falseAlarms int
	wrong                                          []string
}

func (s *corpusScore) judge(t *testing.T, c corpusCase, all []probes.Cause) {
	s.Lock()
	defer s.Unlock()
	s.cases++
	causes := slices.DeleteFunc(slices.Clone(all), func(c probes.Cause) bool { return c.Confidence == probes.History })
	first, confidence := "none", ""
	if len(causes) > 0 {
		first, confidence = causes[0].Cause, string(causes[0].Confidence)
	}
	innocent := c.Cause == "none" || c.Cause == "user_code"
	right := first == c.Cause || slices.Contains(c.Accept, first) || slices.Contains(c.Accept, first+":"+confidence) || c.Cause == "user_code" && first == "none"
	if right {
		s.right++
		if confidence == "proven" {
			s.proven++
		}
	}
	alarms := ""
	// An accepted cause may come first, but proven is only what was injected.
	for _, found := range causes {
		if found.Confidence == probes.Proven && found.Cause != c.Cause {
			s.wrongProven++
			alarms += " wrong proven " + found.Cause
		}
		if innocent && found.Cause != "user_code" && found.Confidence != probes.Possible {
			s.falseAlarms++
			alarms += " false alarm " + found.Cause
		}
	}
	for _, want := range c.Says {
		if len(causes) == 0 || !strings.Contains(causes[0].Message+"\n"+causes[0].Remedy, want) {
			alarms += fmt.Sprintf(" does not say %q", want)
		}
	}
	line := strings.TrimSpace(fmt.Sprintf("%s: want %s, got %s %s", c.name, c.Cause, first, confidence)) + alarms
	if !right || alarms != "" {
		s.wrong = append(s.wrong, "wrong: "+line)
		t.Error(line)
	}
	for _, found := range all {
		line += fmt.Sprintf("\n      %s %s [%s] %s\n        fix: %s", found.Cause, found.Confidence, found.Subject, found.Message, found.Remedy)
	}
	t.Log(line)
}

func readCorpusCase(t testing.TB, dir string) corpusCase {
	c := corpusCase{name: filepath.Base(dir)}
	for file, to := range map[string]any{"case.json": &c, "facts.json": &c.facts} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err == nil {
			err = json.Unmarshal(b, to)
		}
		if err != nil {
			t.Fatalf("%s/%s: %v", dir, file, err)
		}
	}
	return c
}

// layOut copies a tree and writes what a directory cannot show as recorded
// answers.
func layOut(t testing.TB, from, root string, c corpusCase) {
	copyTree(t, from, root)
	f := c.facts
	answers := map[string]string{
		"date": f.Date + "\n",
		"id":   "1002 flink 1002\n",
		"ls":   strings.Join(f.Directories, "\n") + "\n",
	}
	for i, fs := range f.Filesystems {
		if i < len(f.Inodes) && len(fs) >= 7 && len(f.Inodes[i]) >= 6 && strings.HasPrefix(fs[6], "/") {
			blocks, used := atoi64(fs[2]), atoi64(fs[3])
			answers["statfs"] += fmt.Sprintf("%s 1024 %d %d %s %s %s %s\n", fs[1], blocks, blocks-used, fs[4], f.Inodes[i][1], f.Inodes[i][3], fs[6])
		}
	}
	for _, line := range f.Connect {
		switch {
		case strings.HasPrefix(line, "connected"):
			answers["connect"] = "* connected\n"
		default:
			answers["connect"] = "* failed " + line + "\n"
		}
	}
	if len(f.Unit) > 0 {
		answers["unit"] = "Id=flink-taskmanager.service\n"
		for k, v := range f.Unit {
			answers["unit"] += k + "=" + v + "\n"
		}
	}
	if len(f.NewSession) == 2 {
		answers["session"] = fmt.Sprintf("Max open files            %s                %s                files\n", f.NewSession[0], f.NewSession[1])
	}
	for name, text := range answers {
		writeFile(t, filepath.Join(root, ".tmdoctor", name), text)
	}
	for _, line := range f.Directories {
		if w := strings.Fields(line); strings.HasPrefix(line, "d") && len(w) == 9 {
			if err := os.MkdirAll(filepath.Join(root, w[8]), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tm := range f.TaskManagers {
		proc := filepath.Join(root, "proc", fmt.Sprint(tm.PID))
		var maps strings.Builder
		for i := range tm.Maps {
			fmt.Fprintf(&maps, "%012x-%012x rw-p 00000000 00:00 0\n", i<<16, i<<16+4096)
		}
		writeFile(t, filepath.Join(proc, "maps"), maps.String())
		for i := range tm.FDs {
			target := "/dev/null"
			if i < len(tm.Open) {
				target = tm.Open[i]
			}
			link(t, target, filepath.Join(proc, "fd", fmt.Sprint(i)))
		}
	}
}

func atoi64(s string) (n int64) {
	fmt.Sscan(s, &n)
	return n
}

func writeFile(t testing.TB, path, text string) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, target, path string) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func copyTree(t testing.TB, from, to string) {
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		dst := filepath.Join(to, rel)
		switch {
		case e.IsDir():
			return os.MkdirAll(dst, 0o755)
		case e.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, dst)
		}
		return copyFile(path, dst)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, in)
	return err
}
