//go:build unix

package repair

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAClosedJournalIsFree although a process that is being started has its
// file too.
func TestAClosedJournalIsFree(t *testing.T) {
	t.Parallel()
	dir := runsDir(t)
	j, err := CreateJournal(dir, Record{Run: "run1", Who: "op@desk", Event: EventBegin}, document("run1", "tm001"))
	if err != nil {
		t.Fatal(err)
	}
	child, err := unix.Dup(int(j.file.(*os.File).Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	saved, err := OpenRun(dir, "run1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Continue(dir, saved, Record{Event: EventResume, Who: "op@desk"})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
