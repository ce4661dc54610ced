package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBashCompletes sources the completion script in a real bash, and asks for
// what a person would see after a TAB. bash-completion, on which the script
// builds, need not be there: the test splits the words itself.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("bash is not there")
		}
		t.Skip("bash is not there")
	}
	dir := t.TempDir()
	program := demoCommand(t, dir).Path
	for name, text := range map[string]string{
		"h.txt": "tm[1-2]\n",
		"complete.bash": `
_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
__ltrim_colon_completions() { :; }
compopt() { :; }
source <(tmdoctor completion bash)
complete -p tmdoctor >/dev/null || exit 1
COMP_WORDS=(tmdoctor "$@")
COMP_CWORD=$#
COMP_LINE="tmdoctor $*"
COMP_POINT=${#COMP_LINE}
COMP_TYPE=9
__start_tmdoctor
printf '%s\n' "${COMPREPLY[@]}"
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ typed, want string }{
		{"ch", "check"},
		{"check|-i|h.txt|t", "tm1 tm2"},
		{"check|-i|h.txt|tm1|t", "tm2"},
		{"check|-i|h.txt|!tm1", `\!tm1`},
		{"check|-o|c", "csv"},
		{"explain|maps/lo", "maps/low"},
		{"explain|open_", "open_files"},
		{"check|--horizon|b", "boot"},
		{"check|-i|h.txt|!t", "!tm1 !tm2"},
		{"check|--only|maps,nof", `maps\,nofile`},
		{"why|tm1|vm.", "vm.max_map_count"},
	} {
		cmd := exec.Command(bash, append([]string{"--norc", "complete.bash"}, strings.Split(c.typed, "|")...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		got := strings.Join(strings.Fields(string(out)), " ")
		if err != nil || got != c.want {
			t.Errorf("%s TAB: %q, %v; want %q", c.typed, got, err, c.want)
		}
	}
}
