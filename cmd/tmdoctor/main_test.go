package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata/script")

// TestMain lets the test binary be tmdoctor, so that the scripts of
// testdata/script run the real program.
func TestMain(m *testing.M) {
	testscript.Main(m, programs)
}

// programs are what the test binary is besides, by the name it is called by.
var programs = map[string]func(){
	"tmdoctor": func() { os.Exit(run(context.Background(), os.Args[1:], processEnv())) },
}

// TestScripts runs testdata/script: one file is one story, its name begins
// with the command, its first line says what it shows.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(cond string) (bool, error) { // what a script may skip, but not in CI
			if cond != "ci" {
				return false, fmt.Errorf("condition %q is not known", cond)
			}
			return os.Getenv("CI") != "", nil
		},
		Setup: func(env *testscript.Env) error {
			// No script reads the caller's own ssh files or inventory.
			for _, name := range []string{"HOME", "FLINK_HOME", "TMDOCTOR_INVENTORY", "SSH_AUTH_SOCK", "NO_COLOR", "COLUMNS"} {
				env.Setenv(name, "")
			}
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("LC_ALL", "C.UTF-8")
			return os.MkdirAll(env.WorkDir+"/home", 0o700)
		},
	})
}

// runFor runs tmdoctor inside this process, without a terminal.
func runFor(stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string, args ...string) int {
	return run(context.Background(), args, &environment{
		stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv, stdoutFD: -1, stderrFD: -1,
	})
}
