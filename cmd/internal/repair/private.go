package repair

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// What a run did is undone by what its journal says: whoever could write to it
// could choose what is written to every host, as root. So a journal that
// others may write to, or that is somewhere else than it seems, is refused.

// openPrivate opens a directory that must be the caller's alone to write to,
// and no link.
func openPrivate(dir string) (*os.Root, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the journal: %s is no directory (a link is refused)", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%s was replaced while it was opened", dir)
	}
	if err == nil {
		err = private(dir, opened)
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("the journal: %w", err)
	}
	return root, nil
}

// openRuns opens the directory of all runs. Its own directory must not let
// others put another in its place.
func openRuns(dir string) (*os.Root, error) {
	above := filepath.Dir(filepath.Clean(dir))
	info, err := os.Stat(above)
	if err == nil && info.Mode()&os.ModeSticky == 0 {
		err = private(above, info)
	}
	if err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	return openPrivate(dir)
}

// openPrivateFile opens a regular file of a directory, no link, that must be
// the caller's alone to write to.
func openPrivateFile(root *os.Root, name string, flag int) (*os.File, error) {
	at := root.Name() + string(os.PathSeparator) + name
	info, err := root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file (a link is refused)", at)
	}
	if err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	f, err := root.OpenFile(name, flag, 0)
	if err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	opened, err := f.Stat()
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%s was replaced while it was opened", at)
	}
	if err == nil {
		err = private(at, opened)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("the journal: %w", err)
	}
	return f, nil
}

// private refuses what others may write to, or own.
func private(path string, info os.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s may be written by others (mode %04o): chmod go-w it after you looked who did", path, info.Mode().Perm())
	}
	if !ours(info) {
		return fmt.Errorf("%s belongs to another user", path)
	}
	return nil
}

// readPrivate reads a whole file of at most limit bytes.
func readPrivate(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := openPrivateFile(root, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d MiB", f.Name(), limit>>20)
	}
	return data, err
}

// cutTorn cuts off a last line without its end.
func cutTorn(f *os.File) error {
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	if whole == len(data) {
		return nil
	}
	if err := f.Truncate(int64(whole)); err != nil {
		return err
	}
	return f.Sync()
}

// checkRunID refuses an id that is no plain name of a directory.
func checkRunID(run string) error {
	if !fix.IsRun(run) {
		return fmt.Errorf("%q is not the id of a run: letters, digits and hyphens", run)
	}
	return nil
}
