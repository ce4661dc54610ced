package fix_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// exchangeFor makes this binary the half of mv(1) that exchanges two files, for
// hosts of these tests.
const exchangeFor = "TMDOCTOR_TEST_EXCHANGE"

func init() {
	if os.Getenv(exchangeFor) == "" {
		return
	}
	n := len(os.Args)
	if err := unix.Renameat2(unix.AT_FDCWD, os.Args[n-2], unix.AT_FDCWD, os.Args[n-1], unix.RENAME_EXCHANGE); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// Of two that come in turn, none is lost.
func TestTwoEditsInTheInstantOfTheReplacement(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range shells {
		h := newHost(t, smallFiles)
		h.shell = shell
		p := smallPlan(t, h)
		h.tool(t, "mv", strings.ReplaceAll(`case $1 in
--help) echo ' --exchange'; exit ;;
--exchange)
	if [ ! -e "$0.1" ]; then : >"$0.1"; echo 'by hand 1' >"$4.x"; /bin/mv "$4.x" "$4"
	elif [ ! -e "$0.2" ]; then : >"$0.2"; echo 'by hand 2' >"$4.x"; /bin/mv "$4.x" "$4"; fi
	TMDOCTOR_TEST_EXCHANGE=1 exec SELF "$3" "$4" ;;
esac
exec /bin/mv "$@"
`, "SELF", self))
		a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
		all := ""
		for _, text := range h.tree(t) {
			all += text
		}
		for _, edit := range []string{"by hand 1", "by hand 2"} {
			if !strings.Contains(all, edit) {
				t.Errorf("%s: %s (%s): %q is lost", shell, a.Outcome, a.Reason, edit)
			}
		}
		if !strings.Contains(strings.Join(a.Notes, "\n"), "is left behind: somebody wrote it") {
			t.Errorf("%s: nobody says where: %q", shell, a.Notes)
		}
	}
}

// An edit by rename that comes in the very instant of the replacement stays,
// where mv(1) can exchange two files.
func TestAnEditInTheInstantOfTheReplacementStays(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const exchanging = `case $1 in
--help) echo ' --exchange'; exit ;;
--exchange)
	[ -e "$0.once" ] || { : >"$0.once"; EDIT; }
	TMDOCTOR_TEST_EXCHANGE=1 exec SELF "$3" "$4" ;;
esac
exec /bin/mv "$@"
`
	for _, shell := range shells {
		for name, tt := range map[string]struct {
			edit string
			roll bool // the edit comes while it is rolled back
			want fix.Outcome
			file string
		}{
			"nobody edits": {edit: ":", want: fix.Kept},
			"applied":      {edit: `printf 'by hand\n' >"$4.x"; /bin/mv "$4.x" "$4"`, want: fix.RolledBack, file: "by hand\n"},
			"rolled back":  {edit: `printf 'by hand\n' >"$4.x"; /bin/mv "$4.x" "$4"`, roll: true, want: fix.Stuck, file: "by hand\n"},
		} {
			h := newHost(t, smallFiles)
			h.shell = shell
			was := h.tree(t)
			p := smallPlan(t, h)
			mv := strings.NewReplacer("SELF", self, "EDIT", tt.edit).Replace(exchanging)
			if !tt.roll {
				h.tool(t, "mv", mv)
			}
			a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
			if tt.roll {
				h.tool(t, "mv", mv)
				a = h.answer(t, fix.Rollback(nonce, runID, who, false), "")
			}
			if a.Outcome != tt.want {
				t.Errorf("%s, %s: %s (%s), want %s", shell, name, a.Outcome, a.Reason, tt.want)
			}
			if _, err := os.Stat(h.tools + "/mv.once"); err != nil {
				t.Errorf("%s, %s: nothing was exchanged", shell, name)
			}
			if now := h.read(t, "/etc/sysctl.conf"); tt.file != "" && now != tt.file {
				t.Errorf("%s, %s: the file is %q", shell, name, now)
			}
			for left := range h.tree(t) {
				if strings.Contains(left, ".tmdoctor.") {
					t.Errorf("%s, %s: %s is left", shell, name, left)
				}
			}
			if tt.want == fix.Kept {
				if a := h.answer(t, fix.Rollback(nonce, runID, who, false), ""); a.Outcome != fix.RolledBack {
					t.Errorf("%s: roll back: %s (%s)", shell, a.Outcome, a.Reason)
				}
				wantTree(t, h, was)
			}
		}
	}
}
